import { expect, test } from '@jest/globals'
import { betaCdf, betaTail, logBeta, normalCdf, normalQuantile } from '../../../actions/canary-analyze/statistics/special.ts'

/** Values from mpmath 1.3, worked out with 30 digits. */
test.each([
  ['log B(20, 300)', logBeta(20, 300), -75.35580544828551],
  ['log B(0.5, 10000)', logBeta(0.5, 1e4), -4.032792743063397],
  ['I_0.3(20, 30)', betaCdf(0.3, 20, 30), 0.0699870933005074],
  ['I_0.5(1000, 10), a far tail', betaCdf(0.5, 1000, 10), 5.301166054157707e-283],
  ['1 - I_0.01(3, 4000), a tail beside 1', betaTail(0.01, 3, 4000), 2.921982793575947e-15],
  ['Phi(-5)', normalCdf(-5), 2.866515718791939e-7],
  ['Phi(1.5)', normalCdf(1.5), 0.9331927987311419],
  ['quantile of 0.025', normalQuantile(0.025), -1.9599639845400543],
  ['quantile of 0.99', normalQuantile(0.99), 2.326347874040841],
])('%s', (_, value, exact) => {
  expect(Math.abs(value / exact - 1)).toBeLessThan(1e-11)
})
