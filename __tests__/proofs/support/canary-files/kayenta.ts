// Kayenta's canary configs.
import type { Case } from './case.ts'

export const kayentaCases: Case[] = []
