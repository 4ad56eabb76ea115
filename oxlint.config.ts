import { defineConfig } from 'oxlint'

interface Room {
  readonly files: string
  /** What these files import from other folders. */
  readonly others: readonly string[]
  /** Files of their own folder that they do not import. */
  readonly notOwn?: readonly string[]
  /** Packages that they do not import. */
  readonly notPackages?: readonly string[]
}

const schemas = '../*/*schemas.ts'
const queries = '../*/*queries.ts'
const vocabulary = ['../values/*', '../errors.ts']
const engines = '../{attribution,commission}/*'
const slice = [
  ...vocabulary,
  engines,
  '../database/*',
  '../record/*',
  '../rollups/*',
  '../audit/*',
  '!../audit/routes.ts',
  '../http/*',
  schemas,
  queries,
]
const web = ['fastify', '@fastify/*', '!@fastify/error', '!@fastify/type-provider-typebox']

/**
 * Who imports what: bin, tools → app → routes → use cases → queries → schemas → values. Patterns are those of
 * .gitignore. The last room that matches a file counts; a folder that no other line names is a slice.
 */
const rooms: readonly Room[] = [
  { files: 'src/*/**', others: slice, notOwn: ['./*routes.ts'] },
  { files: 'src/*/*routes.ts', others: slice },
  { files: 'src/record/**', others: [...vocabulary, engines, '../database/*'], notPackages: web },
  { files: 'src/rollups/**', others: [...vocabulary, '../database/*'], notPackages: web },
  { files: 'src/postgres/**', others: [], notPackages: web },
  { files: 'src/http/**', others: [...vocabulary, '../database/*'] },
  { files: 'src/openapi/**', others: [...vocabulary, '../http/*', schemas, '../../package.json'] },
  {
    files: 'src/import/**',
    // The sentences about faults are those of the service.
    others: [
      ...vocabulary,
      schemas,
      '../http/fault-sentences.ts',
      '../http/formats.ts',
      '../http/validation.ts',
    ],
    notPackages: web,
  },
  {
    files: 'src/jobs/**',
    others: [
      ...vocabulary,
      '../database/*',
      '../http/*',
      '../record/*',
      '../rollups/*',
      '../ledger/*',
      schemas,
      queries,
    ],
    notPackages: web,
  },
  {
    files: 'src/*/*queries.ts',
    others: [...vocabulary, engines, '../database/*', '../rollups/*', schemas, queries],
    notOwn: ['./*', '!./*schemas.ts', '!./*queries.ts'],
    notPackages: web,
  },
  { files: 'src/database/**', others: [...vocabulary, '../postgres/*', schemas], notPackages: web },
  {
    files: 'src/*/*schemas.ts',
    others: [...vocabulary, engines, schemas],
    notOwn: ['./*', '!./*schemas.ts'],
    notPackages: [...web, 'kysely', 'pg'],
  },
  { files: 'src/values/**', others: ['../errors.ts'], notPackages: web },
  { files: 'src/{attribution,commission}/**', others: [], notPackages: ['*', '!./*'] },
  { files: 'src/bin/**', others: ['../**', '!../*/*routes.ts'] },
  { files: 'src/app.ts', others: [], notOwn: ['./bin/*', './jobs/*', './postgres/*', './import/*'] },
  {
    files: 'src/{config,errors}.ts',
    others: [],
    notOwn: ['./*/**', '!./values/*'],
    notPackages: ['fastify'],
  },
  { files: 'migrations/**', others: [], notPackages: ['*', '!kysely'] },
  {
    files: 'tools/**',
    others: [
      '../src/**',
      '!../src/bin/*',
      '../src/bin/{command,environment}.ts',
      '../migrations/**',
      '../sdk/**',
    ],
  },
]

function allow(patterns: readonly string[]): string[] {
  return patterns.map((pattern) => (pattern.startsWith('!') ? pattern.slice(1) : `!${pattern}`))
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'node', 'promise'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/return-await': ['error', 'in-try-catch'],
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/consistent-type-imports': 'error',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'node/no-process-env': 'error',
    'no-console': 'error',
    'no-else-return': 'error',
    eqeqeq: 'error',
    'prefer-const': 'error',
    'unicorn/no-process-exit': 'error',
    'no-await-in-loop': 'off',
    'no-underscore-dangle': 'off',
    'no-unused-vars': ['error', { ignoreRestSiblings: true, argsIgnorePattern: '^_' }],
    'unicorn/no-array-sort': 'off',
    'no-shadow': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'import/no-unassigned-import': 'off',
  },
  ignorePatterns: ['dist', 'coverage', 'data', '/openapi', '/sdk', 'test-output'],
  overrides: [
    ...rooms.map(({ files, others, notOwn = [], notPackages = [] }) => ({
      files: [files],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: ['../**', ...allow(others), ...notOwn],
                message: 'See the rooms in oxlint.config.ts.',
              },
              ...(notPackages.length > 0
                ? [{ group: [...notPackages], message: 'See the rooms in oxlint.config.ts.' }]
                : []),
            ],
          },
        ] as const,
      },
    })),
    {
      files: ['src/bin/**', 'tools/**', 'bench/**', 'test/**'],
      rules: { 'no-console': 'off', 'node/no-process-env': 'off' },
    },
    {
      files: ['test/**'],
      rules: { 'typescript/no-floating-promises': ['error', { allowForKnownSafeCalls: ['test'] }] },
    },
    { files: ['oxlint.config.ts'], rules: { 'import/no-default-export': 'off' } },
  ],
})
