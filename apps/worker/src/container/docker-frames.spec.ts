import fc from 'fast-check';
import { DockerFrames } from './docker-frames.js';

function frame(stream: number, text: string | Buffer): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

function read(chunks: readonly Buffer[]): { stdout: string; stderr: string } {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const frames = new DockerFrames({ stdout: (chunk) => out.push(Buffer.from(chunk)), stderr: (chunk) => err.push(Buffer.from(chunk)) });
  for (const chunk of chunks) frames.push(chunk);
  return { stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

describe('DockerFrames', () => {
  it('tells the streams apart', () => {
    expect(read([Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(1, ' more'), frame(3, ' daemon')])])).toEqual({ stdout: 'out more', stderr: 'err daemon' });
  });

  it('gives the same whatever the chunks', () => {
    const parts = fc.array(fc.record({ stream: fc.constantFrom(1, 2), text: fc.string({ maxLength: 20 }) }), { maxLength: 20 });
    fc.assert(fc.property(parts, fc.array(fc.nat(40), { maxLength: 40 }), (frames, sizes) => {
      const whole = Buffer.concat(frames.map(({ stream, text }) => frame(stream, text)));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(whole.subarray(at, (at += size)));
      chunks.push(whole.subarray(at));
      const expected = { stdout: frames.filter(({ stream }) => stream === 1).map(({ text }) => text).join(''), stderr: frames.filter(({ stream }) => stream === 2).map(({ text }) => text).join('') };
      expect(read(chunks)).toEqual(expected);
    }));
  });

  it('takes a chunk of tiny frames, which overflowed the stack of dockerode’s own reader', () => {
    const many = 200_000;
    const chunk = Buffer.concat(Array.from({ length: many }, (_, index) => frame(1 + (index % 2), 'x')));
    expect(read([chunk])).toEqual({ stdout: 'x'.repeat(many / 2), stderr: 'x'.repeat(many / 2) });
  });

  it('passes a frame on as it comes instead of waiting for its end', () => {
    const whole = frame(1, 'x'.repeat(1000));
    expect(read([whole.subarray(0, 500)]).stdout).toHaveLength(492);
  });
});
