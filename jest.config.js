export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/strip-types.mjs' },
  injectGlobals: false,
  modulePathIgnorePatterns: ['<rootDir>/build', '<rootDir>/dist'],
}
