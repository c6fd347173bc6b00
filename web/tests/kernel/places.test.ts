import { beforeEach, expect, test } from "vitest";

import { type Holder as PlaceHolder, Places } from "../../src/kernel/places";
import { Refusal } from "../../src/kernel/server";
import { FakeClock, reports, settled } from "../fakes";

/** One that wants a kernel, and what became of that. */
class Holder implements PlaceHolder {
  restsAfter: number | null = null;
  gaveWay = false;
  readonly told: (readonly [position: number, seconds: number | null])[] = [];
  readonly aborting = new AbortController();
  asked = 0;
  outcome = "";
  answer: (refusal?: Refusal) => void = () => undefined;

  constructor(readonly name: string) {}

  giveWay(): void {
    this.gaveWay = true;
    this.restsAfter = null;
    places.leave(this, Promise.resolve());
  }

  async comes(): Promise<void> {
    const ask = (): Promise<string> => {
      this.asked += 1;
      return new Promise((resolve, reject) => {
        this.answer = (refusal) => (refusal === undefined ? resolve("kernel") : reject(refusal));
      });
    };
    const onQueued = ({ position, seconds }: { position: number; seconds: number | null }) =>
      this.told.push([position, seconds]);
    this.outcome = await places
      .take<string>(this, this.aborting.signal, onQueued, ask)
      .catch((error: unknown) => (error as Error).message);
  }
}

const later = (seconds: number) => new Refusal("Too many.", 429, "too_many_x", seconds);

let clock: FakeClock;
let most: number;
let places: Places;

beforeEach(() => {
  clock = new FakeClock();
  most = 2;
  places = new Places({ clock, most: () => most });
});

async function come(count: number): Promise<Holder[]> {
  const holders = Array.from({ length: count }, (_, index) => new Holder(`h${index}`));
  for (const holder of holders) void holder.comes();
  await settled();
  return holders;
}

/** Answers all that ask. */
async function give(...holders: Holder[]): Promise<void> {
  for (const holder of holders) holder.answer();
  await settled();
}

const asked = (holders: Holder[]) => holders.map((holder) => holder.asked);

test("so many ask at a time; the others wait in line, and are told where", async () => {
  const holders = await come(5);
  const [one, two, three, , five] = holders;
  expect(asked(holders)).toEqual([1, 1, 0, 0, 0]);
  await give(one!, two!);
  expect(asked(holders)).toEqual([1, 1, 0, 0, 0]);
  places.free(two!);
  places.free(two!);
  await settled();
  expect(asked(holders)).toEqual([1, 1, 1, 0, 0]);
  expect(one!.told).toEqual([]);
  expect(three!.told).toEqual([[1, null]]);
  expect(five!.told).toEqual([3, 2].map((position) => [position, null]));
  expect([one, two, three].map((each) => each!.outcome)).toEqual(["kernel", "kernel", ""]);
  expect(clock.pending).toBe(0);
});

test("who finds a place asks at once", () => {
  const holder = new Holder("h");
  void holder.comes();
  expect(holder.told).toEqual([]);
  return settled().then(() => expect(holder.asked).toBe(1));
});

test("sixty have their turns, in order", async () => {
  most = 5;
  const holders = await come(60);
  for (let at = 0; at < 60; at += 1) {
    expect(asked(holders).filter((count) => count > 0)).toHaveLength(Math.min(at + 5, 60));
    await give(holders[at]!);
    places.free(holders[at]!);
    await settled();
  }
  expect(holders.every(({ outcome }) => outcome === "kernel")).toBe(true);
});

test("a kernel that the page has ended counts until the server has heard of it", async () => {
  most = 1;
  const [one, two, three] = await come(3);
  await give(one!);
  let hear: () => void = () => undefined;
  places.leave(one!, new Promise<void>((resolve) => (hear = resolve)));
  places.free(one!);
  await settled();
  expect(two!.asked).toBe(0);
  hear();
  await settled();
  expect(two!.asked).toBe(1);
  expect(clock.pending).toBe(0);
  // A server that does not answer holds nobody up for long.
  await give(two!);
  places.leave(two!, new Promise(() => undefined));
  clock.advance(5);
  await settled();
  expect(three!.asked).toBe(1);
});

test("who gives up leaves the line, and the others move up", async () => {
  const [one, two, three, four, five] = await come(5);
  four!.aborting.abort(new Error("stopped"));
  await settled();
  expect(four!.outcome).toBe("stopped");
  expect(five!.told).toEqual([3, 2].map((position) => [position, null]));
  places.free(one!);
  places.free(two!);
  await settled();
  expect(asked([three!, four!, five!])).toEqual([1, 0, 1]);
  four!.aborting.abort();
  const late = new Holder("late");
  late.aborting.abort(new Error("before"));
  await late.comes();
  expect(late.outcome).toBe("before");
});

test("a failure frees the place, and is passed on", async () => {
  const [one, two, three] = await come(3);
  one!.answer(new Refusal("No.", 503, "start_failed"));
  await settled();
  expect([one!.outcome, two!.outcome]).toEqual(["No.", ""]);
  expect(three!.asked).toBe(1);
});

test("Retry-After: nobody asks before, then one at a time, in the old order", async () => {
  most = 3;
  const holders = await come(5);
  const [one, two, three, four] = holders;
  two!.answer(later(5));
  await settled();
  one!.answer(later(3));
  await settled();
  await give(three!);
  places.free(three!);
  await settled();
  expect(asked(holders)).toEqual([1, 1, 1, 0, 0]);
  expect(one!.told).toEqual([[1, 5]]);
  expect(two!.told.at(-1)).toEqual([2, null]);
  clock.advance(4.9);
  await settled();
  expect(asked(holders)).toEqual([1, 1, 1, 0, 0]);
  clock.advance(0.1);
  await settled();
  expect(asked(holders)).toEqual([2, 1, 1, 0, 0]);
  await give(one!);
  // One got a kernel: the others need not be shy.
  expect(asked(holders)).toEqual([2, 2, 1, 1, 0]);
  await give(two!, four!);
  expect([one!.outcome, two!.outcome, four!.outcome]).toEqual(["kernel", "kernel", "kernel"]);
  expect(clock.pending).toBe(0);
});

test("patience ends after two minutes, with the server's own sentence", async () => {
  const [one, two] = await come(2);
  await give(two!);
  for (let at = 0; at < 3; at += 1) {
    expect(one!.outcome).toBe("");
    one!.answer(later(50));
    await settled();
    clock.advance(50);
    await settled();
  }
  expect([one!.asked, one!.outcome]).toEqual([3, "Too many."]);
  const [late] = await come(1);
  late!.answer(later(121));
  await settled();
  expect(late!.outcome).toBe("Too many.");
});

test("who was stopped meanwhile does not come back", async () => {
  const [one] = await come(1);
  one!.aborting.abort();
  one!.answer(later(1));
  await settled();
  clock.advance(2);
  await settled();
  expect([one!.asked, one!.outcome]).toEqual([1, "Too many."]);
});

test("the limit is what the server said last, and 0 is none", async () => {
  const holders = await come(6);
  most = 3;
  await give(holders[0]!);
  expect(asked(holders)).toEqual([1, 1, 1, 0, 0, 0]);
  most = 0;
  await give(holders[1]!);
  expect(asked(holders)).toEqual([1, 1, 1, 1, 1, 1]);
});

test("all who wait are sent away when the page is left", async () => {
  const said = reports();
  const holders = await come(4);
  places.refuseAll(new Error("The page was left."));
  await settled();
  const outcomes = holders.map(({ outcome }) => outcome);
  expect(outcomes).toEqual(["", "", "The page was left.", "The page was left."]);
  holders[2]!.aborting.abort();
  places.free(holders[0]!);
  await settled();
  expect(asked(holders)).toEqual([1, 1, 0, 0]);
  expect(said()).toEqual([]);
});

test("the longest unused that rests gives way to who waits", async () => {
  const [one, two] = await come(2);
  await give(one!, two!);
  one!.restsAfter = two!.restsAfter = 0;
  places.used(one!);
  await settled();
  expect([one!.gaveWay, two!.gaveWay]).toEqual([false, false]);
  const [three] = await come(1);
  expect([one!.gaveWay, two!.gaveWay, three!.asked]).toEqual([false, true, 1]);
  // One that waits needs one place.
  expect(one!.gaveWay).toBe(false);
});

test("who is at work keeps its kernel until it has nothing to do", async () => {
  const [one, two] = await come(2);
  await give(one!, two!);
  const [three] = await come(1);
  expect(three!.told).toEqual([[1, null]]);
  two!.restsAfter = 0;
  places.used(two!);
  await settled();
  expect([one!.gaveWay, two!.gaveWay, three!.asked]).toEqual([false, true, 1]);
});

test("who loses more gives way after it has been unused for so long, and after those that lose less", async () => {
  most = 3;
  const [shared, own, controls] = await come(3);
  await give(shared!, own!, controls!);
  [shared!.restsAfter, own!.restsAfter, controls!.restsAfter] = [1, 10, 0];
  const [four, five, six] = await come(3);
  expect([shared!.gaveWay, own!.gaveWay, controls!.gaveWay]).toEqual([false, false, true]);
  await give(four!);
  clock.advance(1);
  await settled();
  expect([shared!.gaveWay, own!.gaveWay, five!.asked]).toEqual([true, false, 1]);
  clock.advance(8.9);
  await settled();
  expect([own!.gaveWay, six!.asked]).toEqual([false, 0]);
  clock.advance(0.2);
  await settled();
  expect([own!.gaveWay, six!.asked]).toEqual([true, 1]);
  expect(clock.pending).toBe(0);
});

test("nobody gives way while the server has nothing to give", async () => {
  const [one, two, three] = await come(3);
  await give(one!);
  two!.answer(later(5));
  await settled();
  one!.restsAfter = 0;
  places.used(one!);
  await settled();
  expect([one!.gaveWay, three!.asked]).toEqual([false, 0]);
});
