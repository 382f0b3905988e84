// Sends one call of each kind with Segment's Node SDK to HOST with the write key KEY, then says what became of them.
import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ host: process.env.HOST, writeKey: process.env.KEY, maxRetries: 0, flushAt: 20 })
const told = { responses: [], errors: [] }
analytics.on('http_response', ({ status }) => told.responses.push(status))
analytics.on('error', (problem) => told.errors.push(String(problem.reason ?? problem)))

const anonymousId = 'node-browser', userId = 'node-user'
const timestamp = new Date(Date.now() - 3600 * 1000)
analytics.page({ anonymousId, name: 'Pricing', properties: { url: 'https://www.example.com/pricing' } })
analytics.identify({ anonymousId, userId, traits: { email: 'nora@acme.com', firstName: 'Nora', lastName: 'Node' } })
analytics.track({ userId, event: 'Feature Used', properties: { feature: 'reports', emoji: '😀' }, timestamp })
analytics.screen({ userId, name: 'Main' })
analytics.group({ userId, groupId: 'acme', traits: { name: 'Acme', employees: 120 } })
analytics.alias({ userId, previousId: 'node-older' })
analytics.track({ userId, event: 'email.sent' })
analytics.track({ userId, event: 'Sent Twice', messageId: 'node-twice' })
analytics.track({ userId, event: 'Sent Twice', messageId: 'node-twice' })

await analytics.closeAndFlush({ timeout: 20_000 })
console.log(JSON.stringify(told))
