// Runs the cells that it is sent, one after the other.
import { parentPort } from 'node:worker_threads'
import { runCell } from './run.ts'

parentPort?.on('message', ({ cell, runs }: { cell: number; runs: number }) => parentPort?.postMessage(runCell(cell, runs)))
