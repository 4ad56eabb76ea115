declare module 'autocannon' {
  export interface Request {
    readonly method: 'GET' | 'POST'
    readonly path: string
    readonly body?: string
  }
  interface Options {
    readonly url: string
    readonly connections: number
    readonly duration?: number
    readonly amount?: number
    /** Milliseconds between samples. */
    readonly sampleInt?: number
    readonly headers: Readonly<Record<string, string>>
    readonly setupClient: (client: { setRequests(requests: readonly Request[]): void }) => void
  }
  interface Result {
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
    readonly duration: number
  }
  export default function autocannon(options: Options): Promise<Result>
}
