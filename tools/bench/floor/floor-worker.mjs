// @ts-check
// The floor's worker: takes a job and publishes its events, one message each. Not part of the product.
import { createServer } from 'node:http';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { CHANNEL, QUEUE, readFloorSettings } from './floor-settings.mjs';

const { redisUrl, port, events, concurrency } = readFloorSettings(process.env);
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null, enableAutoPipelining: true });
const queued = events.filter(({ payload }) => payload.status === 'queued').length;
const ours = events.slice(queued);

const worker = new Worker(
  QUEUE,
  async ({ data: { taskId, nodeId, projectId } }) => {
    await Promise.all(
      ours.map(({ name, payload }, index) => redis.publish(CHANNEL, JSON.stringify({ name, payload: { taskId, nodeId, projectId, seq: queued + index + 1, ...payload, timestamp: new Date().toISOString() } }))),
    );
  },
  { connection: redis, concurrency },
);
await worker.waitUntilReady();
createServer((_request, response) => response.end('ok')).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
