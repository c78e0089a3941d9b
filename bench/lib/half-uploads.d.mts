export interface HalfUploads {
  answers(): string[];
  sent(): number;
  allSilent(): boolean;
  end(): void;
}

export function halfUploads(port: number, count: number, bytes?: number): HalfUploads;
