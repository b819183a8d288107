// Work that is shared among threads, if there are any.
#pragma once
#include <stdint.h>

typedef void (*Work)(const void *context, uint32_t item);

// Runs work(context, i) for every i below `items`, on this thread and on those that help; returns when all are done.
void share(Work work, const void *context, uint32_t items);
