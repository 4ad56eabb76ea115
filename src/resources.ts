import * as analytics from './analytics/schemas.ts'
import * as apiKeys from './api-keys/schemas.ts'
import * as audit from './audit/schemas.ts'
import * as explanations from './deals/explanation-schemas.ts'
import * as deals from './deals/schemas.ts'
import * as scenarios from './deals/scenario-schemas.ts'
import * as whatIfs from './deals/what-if-schemas.ts'
import * as events from './events/schemas.ts'
import { Health, Index, Readiness } from './http/health.ts'
import { Fault, Problem, ProblemCode } from './http/problems.ts'
import { Pagination } from './http/schemas.ts'
import * as partners from './partners/schemas.ts'
import * as statements from './statements/schemas.ts'

/** Every schema that has a name in the OpenAPI document. */
export const resources = [
  partners,
  events,
  deals,
  explanations,
  whatIfs,
  scenarios,
  analytics,
  statements,
  apiKeys,
  audit,
  { Pagination, Problem, ProblemCode, Fault, Index, Health, Readiness },
]
  .flatMap((slice) => Object.values(slice))
  .filter((schema) => typeof schema === 'object' && '$id' in schema)
