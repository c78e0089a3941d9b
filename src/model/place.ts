/** Where a server runs or is wanted, as its record and the desired state say; 0.1.0 wrote no id and namespace. */
export interface Place {
  /** The random id of the state folder. */
  readonly hostId?: string;
  /** The machine's name, for people: it says nothing about who is who. */
  readonly host: string;
  readonly bootId: string;
  /** The namespace that pids count in. */
  readonly pidNs?: string;
}

/** The place alone, of something that says more. */
export function placeOf({ hostId, host, bootId, pidNs }: Place): Place {
  return {
    ...(hostId === undefined ? {} : { hostId }),
    host,
    bootId,
    ...(pidNs === undefined ? {} : { pidNs }),
  };
}
