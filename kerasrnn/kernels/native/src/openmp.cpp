// The threads of the OpenMP library that torch has brought along.
//
// It is looked up and not linked: a second OpenMP library in one process would keep a second
// pool of threads spinning, and clang and gcc each have their own. All of them offer gcc's
// interface on Linux. Without one a pass runs on a single thread.

#include "openmp.h"

#include <dlfcn.h>

namespace kerasrnn {
namespace {

struct OpenMp {
  void (*parallel)(void (*)(void*), void*, unsigned, unsigned);
  int (*rank)();
  int (*size)();

  bool found() const { return parallel && rank && size; }
};

template <class F>
void look_up(F& function, const char* name) {
  function = reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
}

const OpenMp& openmp() {
  static const OpenMp library = [] {
    OpenMp found{};
    look_up(found.parallel, "GOMP_parallel");
    look_up(found.rank, "omp_get_thread_num");
    look_up(found.size, "omp_get_num_threads");
    return found;
  }();
  return library;
}

struct Job {
  Task task;
  void* context;
  Team team;
};

void run_member(void* data) {
  Job& job = *static_cast<Job*>(data);
  const int rank = openmp().rank();
  if (openmp().size() == job.team.size) {
    job.task(job.context, rank, job.team);
  } else if (rank == 0) {
    // Fewer came, as they do inside of another parallel region: one does it all.
    Team alone(1);
    job.task(job.context, 0, alone);
  }
}

}  // namespace

bool has_openmp() { return openmp().found(); }

void run_with_openmp(const Threads&, int wanted, double, Task task, void* context) {
  Job job{task, context, Team(wanted)};
  if (wanted > 1 && has_openmp()) {
    openmp().parallel(run_member, &job, unsigned(wanted), 0);
  } else {
    Team alone(1);
    task(context, 0, alone);
  }
}

}  // namespace kerasrnn
