import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { TaskError } from '@function-runner/task-contract';

const ASSETS = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Function Runner API</title><link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: '/docs-json', dom_id: '#ui' })</script></body>
</html>
`;

/** The OpenAPI document and a page to read it with. Nothing of it is loaded before somebody asks. */
@Controller()
export class DocsController {
  @Get('docs-json')
  async json(): Promise<object> {
    const { openApiDocument } = await import('./openapi-document.js');
    return openApiDocument();
  }

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return PAGE;
  }

  @Get('docs/:asset')
  asset(@Param('asset') asset: string, @Res() response: Response): void {
    if (!ASSETS.has(asset)) throw new TaskError('VALIDATION_FAILED', `there is no /docs/${asset}; the page is /docs`);
    response.sendFile(join(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'), '..', asset));
  }
}
