/** The head of the document, in Markdown. A test sends the requests in this order and compares the answers. */
export const introduction = `Records what partners did on deals, splits the amount of every closed deal among them by a model, and can show where every cent comes from.

Send your API key as \`X-API-Key\`. Amounts are numbers in units of their currency, exact to its last decimal.

Every failure is a \`Problem\`. Programs read its \`code\`, which \`/docs/errors\` explains; \`detail\` and \`errors\` are for people. A 429 or 503 has a \`Retry-After\` header: wait that many seconds, then send the request again. With an \`Idempotency-Key\`, or an \`id\` of your own, nothing is done twice.

## From a key to a split

Send these requests in order, here with **Try it out** or from any client.

**1. Create a key** for your system, with the admin key that the service printed at its first start. The answer shows the \`key\` once. Click **Authorize** and paste it: it is the \`X-API-Key\` of all following requests.

\`\`\`http
POST /api-keys
{"name": "CRM sync", "scopes": ["write"]}
\`\`\`

**2. Register two partners.**

\`\`\`http
POST /partners
{"id": "p1", "name": "Alice", "email": "alice@example.com"}
\`\`\`

\`\`\`http
POST /partners
{"id": "p2", "name": "Bob", "email": "bob@example.com"}
\`\`\`

**3. Record touchpoints** when they happen. The deal need not exist yet.

\`\`\`http
POST /events
{"id": "event-1", "partner_id": "p1", "deal_id": "deal-123", "touchpoint_type": "referral", "timestamp": "2024-01-10T09:00:00Z", "metadata": {"campaign": "spring"}}
\`\`\`

\`\`\`http
POST /events
{"id": "event-bob", "partner_id": "p2", "deal_id": "deal-123", "touchpoint_type": "demo", "timestamp": "2024-01-15T14:30:00Z"}
\`\`\`

**4. Close the deal.** It is split at once.

\`\`\`http
POST /deals
{"id": "deal-123", "amount": 50000, "currency": "USD", "closed_date": "2024-01-20T15:00:00Z", "attribution_model": "role-based"}
\`\`\`

**5. Read the split.** A referral counts 0.25 and a demo 0.15, so Alice gets 25/40 of the amount.

\`\`\`http
GET /attribution/deal-123
\`\`\`

\`\`\`json
{"total_amount": 50000, "currency": "USD", "version": 1, "attributions": [
  {"partner_name": "Alice", "percentage": 62.5, "payout": 31250},
  {"partner_name": "Bob", "percentage": 37.5, "payout": 18750}]}
\`\`\`

**6. Send a late touchpoint.** It happened before the close and arrives after it, so the deal is split again.

\`\`\`http
POST /events
{"id": "event-late", "partner_id": "p1", "deal_id": "deal-123", "touchpoint_type": "closer", "timestamp": "2024-01-19T16:00:00Z"}
\`\`\`

**7. Read the history**: every version of the split, and why it was made. A closer counts 0.35.

\`\`\`http
GET /attribution/deal-123/history
\`\`\`

\`\`\`json
{"versions": [
  {"version": 1, "reason": "closed", "attributions": [{"payout": 31250}, {"payout": 18750}]},
  {"version": 2, "reason": "late_event", "attributions": [{"payout": 40000}, {"payout": 10000}]}]}
\`\`\`
`
