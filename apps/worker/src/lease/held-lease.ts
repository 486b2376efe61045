/** What this worker holds of its host, for a task or for a container that is warm. */
export interface HeldLease {
  readonly id: string;
  readonly amounts: Readonly<Record<string, number>>;
  /** Devices whose memory it holds. */
  readonly devices: readonly string[];
  /** The task that it is for; undefined while its container waits for one. */
  taskId: string | undefined;
  /** Whether a container that was warm already serves the task. */
  warm: boolean;
  /** When its last renewal was sent, milliseconds of the monotonic clock. */
  renewedAt: number;
}
