// Threads for torch.
#pragma once

#include "stack.h"

namespace kerasrnn {

bool has_openmp();
void run_with_openmp(const Threads& threads, int wanted, double operations, Task task,
                     void* context);

}  // namespace kerasrnn
