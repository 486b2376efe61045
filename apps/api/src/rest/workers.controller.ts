import { Controller, Get } from '@nestjs/common';
import { WorkerRegistry, type WorkerFacts } from '@function-runner/task-store';
import { toTaskError } from '../redis/redis-fault.js';

/** The workers that live now, each as it described itself a moment ago. */
@Controller('v1/workers')
export class WorkersController {
  constructor(private readonly registry: WorkerRegistry) {}

  @Get()
  async list(): Promise<{ workers: WorkerFacts[] }> {
    try {
      return { workers: await this.registry.list() };
    } catch (error) {
      throw toTaskError(error, 'INTERNAL');
    }
  }
}
