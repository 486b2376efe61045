import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { Drain } from '../lifecycle/drain.js';
import { ApiMetrics } from '../metrics/api-metrics.js';

/** Lets REST requests through the drain and counts those that go well; the filter counts the others. */
@Injectable()
export class RequestInterceptor implements NestInterceptor {
  constructor(
    private readonly drain: Drain,
    private readonly metrics: ApiMetrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    const { path } = context.switchToHttp().getRequest<Request>();
    // Health, metrics and docs answer to the end.
    if (context.getType() !== 'http' || !path.startsWith('/v1/')) return next.handle();
    return from(this.drain.run(async () => {
      const answer: unknown = await firstValueFrom(next.handle(), { defaultValue: undefined });
      this.metrics.requests.inc({ name: handler, outcome: 'ok' });
      return answer;
    }));
  }
}
