import { Controller, Get, Res, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { Response } from 'express';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { RedisCheck } from '@function-runner/task-store';
import { Drain } from '../lifecycle/drain.js';
import { totalDepth } from '../queue/queue-depth.js';
import { TaskQueues } from '../queue/task-queues.adapter.js';
import { RedisConnections } from '../redis/redis-connections.js';

/** Liveness: the process answers. Readiness: a request sent here now would be served. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly redis: RedisCheck,
    private readonly queues: TaskQueues,
    private readonly connections: RedisConnections,
    private readonly drain: Drain,
  ) {}

  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) response: Response): Promise<unknown> {
    response.setHeader('Cache-Control', 'no-store');
    try {
      // A draining process is not ready whatever the rest says, and says so at once.
      const rest = this.drain.isDraining ? [] : [() => this.checkRedis(), () => this.checkQueues()];
      return await this.health.check([() => this.checkAccepting(), ...rest]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      response.status(503);
      return error.getResponse();
    }
  }

  private checkAccepting(): HealthIndicatorResult {
    const indicator = this.indicators.check('accepting');
    return this.drain.isDraining ? indicator.down({ message: 'this process is shutting down' }) : indicator.up();
  }

  private async checkRedis(): Promise<HealthIndicatorResult> {
    const { up, facts } = await this.redis.run();
    const indicator = this.indicators.check('redis');
    return up ? indicator.up(facts) : indicator.down(facts);
  }

  private async checkQueues(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('queues');
    try {
      // BullMQ waits without limit for a Redis that has not been reached since the start.
      const depths = await this.connections.requestPatience.within(() => Promise.all(QUALITY_TIERS.map(async (tier) => [tier, totalDepth(await this.queues.depth(tier))] as const)));
      return indicator.up({ waiting: Object.fromEntries(depths) });
    } catch (error) {
      return indicator.down({ message: `the queues cannot be read: ${(error as Error).message}` });
    }
  }
}
