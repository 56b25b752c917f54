import type { Plot } from "../plot.ts";
import { animal } from "./animal.ts";
import { astray } from "./astray.ts";
import { build } from "./build.ts";
import { fear } from "./fear.ts";
import { gift } from "./gift.ts";
import { lost } from "./lost.ts";
import { newcomer } from "./newcomer.ts";
import { noise } from "./noise.ts";
import { present } from "./present.ts";
import { promise } from "./promise.ts";
import { quarrel } from "./quarrel.ts";
import { race } from "./race.ts";
import { seed } from "./seed.ts";
import { sharing } from "./sharing.ts";
import { truth } from "./truth.ts";
import { wish } from "./wish.ts";

/** Every kind of story. */
export const plots: readonly Plot[] = [
  lost,
  quarrel,
  fear,
  build,
  promise,
  animal,
  wish,
  gift,
  race,
  truth,
  seed,
  newcomer,
  astray,
  present,
  sharing,
  noise,
];
