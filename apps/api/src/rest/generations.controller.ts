import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { TaskAcknowledgedPayload } from '@function-runner/progress-protocol';
import { DispatchService } from '../dispatch/dispatch.service.js';
import { StartGate } from '../dispatch/start-gate.js';
import { GatewayOptions } from '../gateway/gateway-options.js';
import { parseRequest } from '../gateway/parse-request.js';
import { checkPayloadLimits } from '../gateway/payload-limits.js';
import { StartGenerationDto } from '../gateway/start-generation.dto.js';

/** Starts tasks for programs that speak no Socket.IO. */
@Controller('v1/generations')
export class GenerationsController {
  constructor(
    private readonly dispatch: DispatchService,
    private readonly gate: StartGate,
    private readonly options: GatewayOptions,
  ) {}

  @Post()
  @HttpCode(202)
  async start(@Body() body: unknown, @Res({ passthrough: true }) response: Response): Promise<TaskAcknowledgedPayload> {
    checkPayloadLimits(body, this.options.maxPayload);
    const request = parseRequest(StartGenerationDto, body);
    const acknowledged = await this.gate.pass(request.projectId, () => this.dispatch.start(request));
    response.setHeader('Location', `/v1/tasks/${acknowledged.taskId}`);
    return acknowledged;
  }
}
