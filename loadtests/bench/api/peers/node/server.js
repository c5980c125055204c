// The peer on Fastify and pg. Its variables PEER_PORT, PEER_DSN, PEER_TOKEN_SHA256 and PEER_SQL are described in ../__init__.py.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import Fastify from 'fastify'
import pg from 'pg'

const text = (maxLength, more = {}) => ({ type: 'string', maxLength, ...more })
const nullable = (type) => ({ type, nullable: true })
const time = { type: 'string' }
const maybeTime = { type: 'string', nullable: true }
const labels = { type: 'object', additionalProperties: { type: 'string' } }

const newTask = {
  type: 'object',
  additionalProperties: false,
  required: ['userEmail', 'userQuery', 'originalUrl'],
  properties: {
    userEmail: text(254, { pattern: '^[^\\s@]{1,64}@(?:[^\\s@.]{1,63}\\.)+[^\\s@.]{1,63}$' }),
    userQuery: text(4096, { minLength: 1, pattern: '^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$' }),
    originalUrl: text(2048),
    metadata: {
      type: 'object',
      maxProperties: 20,
      propertyNames: text(255, { minLength: 1 }),
      additionalProperties: text(4096, { pattern: '^[^\\u0000]*$' })
    }
  }
}

const task = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    status: { type: 'string' },
    version: { type: 'integer' },
    attempt: { type: 'integer' },
    userEmail: { type: 'string' },
    userQuery: { type: 'string' },
    originalUrl: { type: 'string' },
    metadata: labels,
    correlationId: nullable('string'),
    receivedAt: time,
    createdAt: time,
    updatedAt: time,
    notBefore: maybeTime,
    startedAt: maybeTime,
    finishedAt: maybeTime,
    lastHeartbeatAt: maybeTime,
    durationSeconds: nullable('number'),
    worker: nullable('string'),
    progress: nullable('number'),
    result: nullable('string'),
    error: nullable('string'),
    retryable: nullable('boolean')
  }
}

const statement = (name) => readFileSync(join(process.env.PEER_SQL, name), 'utf8')
const create = statement('create_task.sql')
const find = statement('find_task.sql')
const digest = Buffer.from(process.env.PEER_TOKEN_SHA256, 'hex')
const pool = new pg.Pool({ connectionString: process.env.PEER_DSN, max: 16 })
const app = Fastify({
  bodyLimit: 64 * 1024,
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false } }
})

const problem = (statusCode, message) => Object.assign(new Error(message), { statusCode })

app.addHook('onRequest', async (request, reply) => {
  const header = request.headers.authorization ?? ''
  const sum = createHash('sha256').update(header.slice('Bearer '.length)).digest()
  if (!header.startsWith('Bearer ') || !timingSafeEqual(sum, digest)) {
    reply.header('www-authenticate', 'Bearer')
    throw problem(401, 'unknown token')
  }
})

const isPrivate = (host) =>
  isIP(host.replace(/^\[|\]$/g, '')) !== 0 &&
  /^(\[?::1?\]?$|\[?f[cde]|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|0\.)/.test(host)

const checkedAddress = (address) => {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw problem(400, 'originalUrl must be an address of http or https without a user name')
  }
  if (isPrivate(url.hostname)) throw problem(400, 'originalUrl must not be a private address')
  return address
}

app.post('/api/tasks', { schema: { body: newTask, response: { 201: task } } }, async (request, reply) => {
  const { userEmail, originalUrl, metadata } = request.body
  const userQuery = request.body.userQuery.trim()
  if (userQuery === '') throw problem(400, 'userQuery must have 1 to 4096 characters')
  const wanted = { userEmail, userQuery, originalUrl: checkedAddress(originalUrl), metadata }
  const values = [userEmail, userQuery, originalUrl, metadata && JSON.stringify(metadata), JSON.stringify(wanted)]
  const { rows: [{ id, created_at: at }] } = await pool.query({ name: 'create', text: create, values })
  const moment = at.toISOString()
  reply.code(201).header('location', `/api/tasks/${id}`)
  return {
    ...wanted, id, metadata: metadata ?? {}, status: 'new', version: 1, attempt: 1,
    receivedAt: moment, createdAt: moment, updatedAt: moment,
    correlationId: null, notBefore: null, startedAt: null, finishedAt: null, lastHeartbeatAt: null,
    durationSeconds: null, worker: null, progress: null, result: null, error: null, retryable: null
  }
})

const byId = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } }

app.get('/api/tasks/:id', { schema: { params: byId, response: { 200: task } } }, async (request) => {
  const { rows: [row] } = await pool.query({ name: 'find', text: find, values: [request.params.id] })
  if (row === undefined) throw problem(404, 'there is no task with this id')
  const moment = (at) => at && at.toISOString()
  return {
    id: row.id, status: row.status, version: row.version, attempt: row.attempt, userEmail: row.user_email,
    userQuery: row.user_query, originalUrl: row.original_url, metadata: JSON.parse(row.metadata),
    correlationId: row.correlation_id, receivedAt: moment(row.received_at), createdAt: moment(row.created_at),
    updatedAt: moment(row.updated_at), notBefore: moment(row.not_before), startedAt: moment(row.started_at),
    finishedAt: moment(row.finished_at), lastHeartbeatAt: moment(row.last_heartbeat_at),
    durationSeconds: row.duration_seconds, worker: row.worker, progress: row.progress, result: row.result,
    error: row.error, retryable: row.retryable
  }
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PEER_PORT) })
