export const touchpointTypes = ['referral', 'demo', 'intro', 'support', 'closer', 'other'] as const

export type TouchpointType = (typeof touchpointTypes)[number]

export interface Touch {
  readonly id: string
  readonly partner_id: string
  readonly touchpoint_type: TouchpointType
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly is_void?: boolean
}
