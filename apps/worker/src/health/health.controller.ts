import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService, type HealthCheckResult, type HealthIndicatorResult } from '@nestjs/terminus';
import { Intake } from '../intake/intake.js';
import { WorkerLifecycle } from '../lifecycle/worker-lifecycle.js';
import { EnvironmentChecks } from './environment-checks.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly environment: EnvironmentChecks,
    private readonly lifecycle: WorkerLifecycle,
    private readonly intake: Intake,
  ) {}

  /** The process answers. Nothing else: a restart mends no Redis. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Whether this worker takes tasks and could run them. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.check('worker', () => Promise.resolve(this.working())),
      () => this.check('redis', () => this.environment.redis()),
      () => this.check('docker', () => this.environment.engine()),
      () => this.check('model_storage', () => this.environment.modelStorage()),
      () => this.check('workspace', () => this.environment.workspace()),
      () => this.check('gpu', () => this.environment.gpu()),
    ]);
  }

  private working(): string {
    if (this.lifecycle.phase !== 'working') throw new Error(this.lifecycle.phase);
    if (!this.intake.running) throw new Error('takes no tasks');
    return 'taking tasks';
  }

  private async check(name: string, look: () => Promise<string>): Promise<HealthIndicatorResult> {
    const session = this.indicator.check(name);
    try {
      return session.up({ message: await look() });
    } catch (error) {
      return session.down({ message: error instanceof Error ? error.message : String(error) });
    }
  }
}
