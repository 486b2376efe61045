/** What the gateway needs of the configuration. */
export class GatewayOptions {
  constructor(/** Bytes of the largest request. */ readonly maxPayload: number) {}
}
