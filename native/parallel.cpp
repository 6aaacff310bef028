// Work items of C# on libtorch's intra-op threads.
#include "bridge.h"

#include <ATen/Parallel.h>

#include <algorithm>

// Calls `body` once on each of at most `count` threads of the pool and waits; it must not throw.
BAM_EXPORT int32_t bam_parallel_run(int64_t count, void (*body)(void*), void* state) noexcept {
    return bam::guarded([&] {
        const int64_t threads = std::min<int64_t>(count, at::get_num_threads());
        at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
            for (int64_t thread = begin; thread < end; ++thread) {
                body(state);
            }
        });
    });
}
