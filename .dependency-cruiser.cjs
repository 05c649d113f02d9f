/** The arrows of docs/architecture.md. test/architecture plants a violation of each and sees it fail. */
const lib = (name) => `^libs/${name}/`;

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Types may refer to each other; what runs may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'domain-imports-nothing',
      comment: 'The rules are pure: no package, no Node module, no other library.',
      severity: 'error',
      from: { path: lib('domain'), pathNot: '\\.spec\\.ts$' },
      to: { pathNot: lib('domain') },
    },
    {
      name: 'libraries-know-only-domain-and-runtime',
      severity: 'error',
      from: { path: '^libs/(clouds|database|queues)/' },
      to: { path: '^(libs|apps|test|bench)/', pathNot: '^libs/($1|domain|runtime)/' },
    },
    {
      name: 'runtime-knows-only-domain',
      severity: 'error',
      from: { path: lib('runtime') },
      to: { path: '^(libs|apps|test|bench)/', pathNot: '^libs/(runtime|domain)/' },
    },
    {
      name: 'libraries-are-entered-by-their-index',
      comment: 'Import #domain, #database, …; what index.ts does not export is private.',
      severity: 'error',
      from: { path: '^(apps|libs|test|bench)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/(?!index\\.ts$)', pathNot: '^libs/$2/' },
    },
    {
      name: 'api-never-calls-a-cloud',
      severity: 'error',
      from: { path: '^apps/api/' },
      to: { path: '^libs/clouds/' },
    },
    {
      name: 'apps-do-not-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'clouds-do-not-import-each-other',
      severity: 'error',
      from: { path: '^libs/clouds/src/([^/]+)/' },
      to: { path: '^libs/clouds/src/([^/]+)/', pathNot: '^libs/clouds/src/$1/' },
    },
    {
      name: 'simulators-share-only-the-wire',
      severity: 'error',
      from: { path: '^apps/cloud-sim/' },
      to: { path: '^libs/(clouds|database|queues)/' },
    },
    {
      name: 'only-database-knows-typeorm',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: lib('database') },
      to: { path: 'node_modules/typeorm/' },
    },
    {
      name: 'only-queues-and-the-worker-know-bullmq',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '^(libs/queues|apps/worker)/' },
      to: { path: 'node_modules/bullmq/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules/(?!typeorm|bullmq))' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
