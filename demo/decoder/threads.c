#include "threads.h"

#ifndef __wasm_atomics__

void share(Work work, const void *context, uint32_t items) {
  for (uint32_t item = 0; item < items; item++) work(context, item);
}

#else

// Some 50 microseconds: longer than the gaps between the parts of a token, too short to take a core from another
// program that wants it. Who has found nothing to do by then sleeps.
enum { SPINS = 20000 };

static struct {
  Work work;
  const void *context;
  // Number of the job in the upper half, items that nobody has taken in the lower one. Who takes one does so with both in
  // view, so that a thread that comes late can't take part in a job that is over.
  _Atomic uint64_t ticket;
  _Atomic uint32_t job;  // its number once more: helpers sleep on it
  _Atomic uint32_t done; // items of the job; who waits for the end of it sleeps on it
  _Atomic uint32_t asleep, waiting;
  _Atomic uint32_t helpers; // how many are wanted
} pool;

static int take(uint32_t *item) {
  uint64_t ticket = pool.ticket;
  while ((uint32_t)ticket) {
    if (__atomic_compare_exchange_n((uint64_t *)&pool.ticket, &ticket, ticket - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      *item = (uint32_t)ticket - 1;
      return 1;
    }
  }
  return 0;
}

static void sleep_on(_Atomic uint32_t *address, uint32_t value) {
  __builtin_wasm_memory_atomic_wait32((int *)address, (int)value, -1);
}

static void wake(_Atomic uint32_t *address) { __builtin_wasm_memory_atomic_notify((int *)address, 0x7fffffff); }

static void finish(void) {
  pool.done++;
  if (pool.waiting) wake(&pool.done);
}

void share(Work work, const void *context, uint32_t items) {
  if (!pool.helpers || items < 2) {
    for (uint32_t item = 0; item < items; item++) work(context, item);
    return;
  }
  pool.work = work;
  pool.context = context;
  pool.done = 0;
  uint32_t job = pool.job + 1;
  pool.ticket = (uint64_t)job << 32 | items;
  pool.job = job;
  if (pool.asleep) wake(&pool.job);
  uint32_t item;
  while (take(&item)) {
    work(context, item);
    pool.done++;
  }
  for (int spin = 0; spin < SPINS; spin++) if (pool.done == items) return;
  pool.waiting = 1;
  for (uint32_t done; (done = pool.done) < items;) sleep_on(&pool.done, done);
  pool.waiting = 0;
}

// What thread number `helper` (from 0) does until it is wanted no longer.
__attribute__((export_name("help"))) void help(uint32_t helper) {
  while (helper < pool.helpers) {
    uint32_t seen = pool.job, item;
    while (take(&item)) {
      pool.work(pool.context, item);
      finish();
    }
    for (int spin = 0; spin < SPINS && pool.job == seen; spin++) {}
    if (pool.job != seen || helper >= pool.helpers) continue;
    pool.asleep++;
    sleep_on(&pool.job, seen);
    pool.asleep--;
  }
}

// From now on so many threads help; those above return from help().
__attribute__((export_name("set_helpers"))) void set_helpers(uint32_t count) {
  pool.helpers = count;
  pool.job++; // nobody sleeps on
  wake(&pool.job);
}

#endif
