/**
 * The shapes of npm `@serialport/bindings-interface` 1.2.2, in types of our own, so that programs need
 * no package to use them. The compiler checks, in the tests, that the one fits the other.
 *
 * @module
 */

/** How a port is opened. */
export interface BindingOpenOptions {
  /** What the port is called. */
  path: string;
  /** Bits per second. */
  baudRate: number;
  /** Bits of a character. */
  dataBits?: 5 | 6 | 7 | 8;
  /** Refuse it to other programs. */
  lock?: boolean;
  /** Stop bits. */
  stopBits?: 1 | 1.5 | 2;
  /** `none`, `even`, `odd`, `mark`, `space`. */
  parity?: string;
  /** Flow control by RTS and CTS. */
  rtscts?: boolean;
  /** Flow control by XON, outgoing. */
  xon?: boolean;
  /** Flow control by XOFF, incoming. */
  xoff?: boolean;
  /** Any character is XON. Not to be had here. */
  xany?: boolean;
  /** Drop DTR on close. */
  hupcl?: boolean;
}

/** What is known of a port. */
export interface BindingPortInfo {
  /** What it is opened by. */
  path: string;
  /** Who made it. */
  manufacturer: string | undefined;
  /** Its serial number. */
  serialNumber: string | undefined;
  /** Its stable id. */
  pnpId: string | undefined;
  /** Where it is plugged in. */
  locationId: string | undefined;
  /** USB product id. */
  productId: string | undefined;
  /** USB vendor id. */
  vendorId: string | undefined;
}

/** Lines to set. */
export interface BindingSetOptions {
  /** Break. Default off. */
  brk?: boolean;
  /** Not ours to set. */
  cts?: boolean;
  /** Not ours to set. */
  dsr?: boolean;
  /** Data terminal ready. Default on. */
  dtr?: boolean;
  /** Request to send. Default on. */
  rts?: boolean;
}

/** The other side's lines. */
export interface BindingPortStatus {
  /** Clear to send. */
  cts: boolean;
  /** Data set ready. */
  dsr: boolean;
  /** Carrier detect. */
  dcd: boolean;
}

/** What may be changed of an open port. */
export interface BindingUpdateOptions {
  /** Bits per second. */
  baudRate: number;
}

/** A read's outcome. */
export interface BindingRead<B extends Uint8Array> {
  /** As it was given. */
  buffer: B;
  /** At least 1. */
  bytesRead: number;
}
