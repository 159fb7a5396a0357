// kafka_clients.mjs - two Kafka clients of the Node world against one broker.
//
//   node kafka_clients.mjs HOST:PORT      (npm ci in this folder first)
//
// KafkaJS speaks old, fixed versions; @platformatic/kafka the newest, flexible ones. Each line of
// output is "ok CLIENT WHAT"; the first thing that is not as it must be ends with status 1.
import assert from 'node:assert/strict'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { Admin, Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const broker = process.argv[2]
const run = process.pid
const deadline = setTimeout(() => {
  console.error('not finished after 90 s')
  process.exit(1)
}, 90_000)

function ok (client, what) {
  console.log(`ok ${client} ${what}`)
}

async function until (condition, what) {
  for (let i = 0; i < 300; i++) {
    if (await condition()) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  assert.fail(`waited in vain: ${what}`)
}

async function withKafkaJs () {
  const kafka = new Kafka({ clientId: 'e2e-kafkajs', brokers: [broker], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  const topic = `js-${run}`
  const groupId = `js-group-${run}`
  await admin.connect()
  assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] }), true)
  assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] }), false)
  const described = await admin.describeConfigs({
    resources: [{ type: 2, name: topic, configNames: ['cleanup.policy'] }], includeSynonyms: false
  })
  assert.equal(described.resources[0].configEntries[0].configValue, 'delete')
  ok('kafkajs', 'admin create, describe')

  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const sent = await producer.send({
    topic,
    compression: CompressionTypes.GZIP,
    messages: Array.from({ length: 40 }, (_, i) => ({
      key: `k${i}`, value: `v${i}`, partition: i % 4, headers: { n: `${i}` }
    }))
  })
  assert.ok(sent.every(s => s.errorCode === 0))
  await producer.disconnect()
  ok('kafkajs', 'idempotent, gzip')

  const seen = new Map()
  const owned = [0, 0]
  const consumers = [0, 1].map(i => {
    const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, rebalanceTimeout: 6000, heartbeatInterval: 500 })
    consumer.on(consumer.events.GROUP_JOIN, e => {
      owned[i] = e.payload.memberAssignment[topic]?.length ?? 0
    })
    return consumer
  })
  for (const consumer of consumers) {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommitInterval: 200,
      eachMessage: async ({ message }) => {
        seen.set(message.key.toString(), message.headers.n.toString())
      }
    })
  }
  await until(() => seen.size === 40 && owned[0] === 2 && owned[1] === 2, 'two members share four partitions')
  const group = await admin.describeGroups([groupId])
  assert.equal(group.groups[0].state, 'Stable')
  assert.equal(group.groups[0].members.length, 2)
  ok('kafkajs', 'two members rebalance')
  await consumers[0].disconnect()
  await until(() => owned[1] === 4, 'the one that is left gets all')
  await consumers[1].disconnect()
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
  assert.equal(offsets.partitions.reduce((sum, p) => sum + Number(p.offset), 0), 40)
  assert.deepEqual((await admin.fetchTopicOffsets(topic)).map(p => p.high).sort(), ['10', '10', '10', '10'])
  ok('kafkajs', 'commit, leave')
  await admin.deleteGroups([groupId])
  await admin.deleteTopics({ topics: [topic] })
  assert.ok(!(await admin.listTopics()).includes(topic))
  await admin.disconnect()
  ok('kafkajs', 'admin delete')
}

async function withPlatformatic () {
  const base = { clientId: 'e2e-platformatic', bootstrapBrokers: [broker] }
  const admin = new Admin(base)
  const topic = `plt-${run}`
  const groupId = `plt-group-${run}`
  const [created] = await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
  assert.equal(created.name, topic)
  ok('platformatic', 'admin create')

  const producer = new Producer({ ...base, idempotent: true, serializers: stringSerializers })
  for (const compression of ['none', 'gzip']) {
    const { offsets } = await producer.send({
      compression,
      messages: Array.from({ length: 10 }, (_, i) => ({ topic, key: `${compression}${i}`, value: `v${i}` }))
    })
    assert.ok(offsets.length >= 1)
  }
  await producer.close()
  ok('platformatic', 'idempotent, codecs')

  for (const expected of [20, 0]) { // the second time it resumes after the commit
    const consumer = new Consumer({ ...base, groupId, deserializers: stringDeserializers })
    const stream = await consumer.consume({
      topics: [topic], mode: MessagesStreamModes.COMMITTED, fallbackMode: 'earliest', autocommit: false, maxWaitTime: 200
    })
    const seen = new Set()
    stream.on('data', message => {
      seen.add(message.key)
      message.commit()
    })
    await until(() => seen.size === expected, `${expected} messages`)
    await new Promise(resolve => setTimeout(resolve, 600))
    assert.equal(seen.size, expected)
    await consumer.close(true)
  }
  ok('platformatic', 'consume, commit, resume')
  const groups = await admin.listGroups()
  assert.ok(groups.has(groupId))
  await admin.deleteGroups({ groups: [groupId] })
  await admin.deleteTopics({ topics: [topic] })
  await admin.close()
  ok('platformatic', 'admin delete')
}

await withKafkaJs()
await withPlatformatic()
clearTimeout(deadline)
