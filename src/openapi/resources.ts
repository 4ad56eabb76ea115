import * as analytics from '../analytics/schemas.ts'
import * as apiKeys from '../api-keys/schemas.ts'
import * as audit from '../audit/schemas.ts'
import * as bulkImport from '../bulk-import/schemas.ts'
import * as presence from '../bulk-import/presence-schemas.ts'
import * as bulkSplits from '../splits/bulk-schemas.ts'
import * as explanations from '../splits/explanation-schemas.ts'
import * as deals from '../deals/schemas.ts'
import * as scenarios from '../what-if/scenario-schemas.ts'
import * as whatIfs from '../what-if/schemas.ts'
import * as events from '../events/schemas.ts'
import { Health, Index, Readiness } from '../http/health.ts'
import { Fault, Problem, ProblemCode } from '../values/problem.ts'
import { Pagination } from '../values/schemas.ts'
import * as refunds from '../refunds/schemas.ts'
import * as record from '../record/schemas.ts'
import * as terms from '../record/terms-schemas.ts'
import * as splits from '../splits/schemas.ts'
import * as partners from '../partners/schemas.ts'
import * as planApplications from '../plans/application-schemas.ts'
import * as commissions from '../plans/commission-schemas.ts'
import * as plans from '../plans/schemas.ts'
import * as planSimulations from '../plans/simulation-schemas.ts'
import * as balances from '../ledger/balance-schemas.ts'
import * as periods from '../ledger/period-schemas.ts'
import * as statements from '../ledger/statement-schemas.ts'

/** Every schema that has a name in the OpenAPI document. */
export const resources = [
  partners,
  plans,
  planApplications,
  commissions,
  planSimulations,
  events,
  record,
  terms,
  deals,
  refunds,
  splits,
  bulkImport,
  presence,
  bulkSplits,
  explanations,
  whatIfs,
  scenarios,
  analytics,
  balances,
  periods,
  statements,
  apiKeys,
  audit,
  { Pagination, Problem, ProblemCode, Fault, Index, Health, Readiness },
]
  .flatMap((slice) => Object.values(slice))
  .filter((schema) => typeof schema === 'object' && '$id' in schema)
