export default {
  testTimeout: 30_000, // some start processes, and machines are busy
  testEnvironment: 'node',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/strip-types.mjs' },
  injectGlobals: false,
  modulePathIgnorePatterns: ['<rootDir>/build', '<rootDir>/dist'],
}
