/** Numbers in [0, 1). */
export type Random = () => number;

/** Fills a new parameter of the given shape. */
export type Init = (values: Float32Array, random: Random, shape: readonly number[]) => void;

/** All ones. */
export function ones(values: Float32Array): void {
  values.fill(1);
}

/** All zeros. */
export function zeros(values: Float32Array): void {
  values.fill(0);
}

/** One value everywhere. */
export function constant(value: number): Init {
  return (values) => void values.fill(value);
}

/** Normal with mean 0 and deviation `std`, by the method of Box and Muller (1958). */
export function normal(std: number): Init {
  return (values, random) => {
    for (let i = 0; i < values.length; i += 2) {
      const radius = std * Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
      values[i] = radius * Math.cos(angle);
      if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
    }
  };
}

/** Uniform between `−bound` and `bound`. */
export function uniform(bound: number): Init {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random() - 1);
  };
}
