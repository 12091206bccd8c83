// Handlers for XLA's foreign function interface.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kerasrnn {

std::vector<std::pair<std::string, void*>> xla_handlers();

}  // namespace kerasrnn
