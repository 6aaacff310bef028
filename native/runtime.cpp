// The process: errors, threads, determinism, versions, CUDA.
#include "bridge.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/cuda.h>
#include <torch/version.h>

using namespace bam;

namespace {

thread_local std::string last_error;

}  // namespace

void bam::set_last_error(const char* message) noexcept {
    try {
        last_error = message;
    } catch (...) {
        last_error.clear();  // no memory left for the message
    }
}

// Valid until this thread's next failing call.
BAM_EXPORT const char* bam_last_error() noexcept {
    return last_error.c_str();
}

BAM_EXPORT void bam_set_error(const char* message) noexcept {
    set_last_error(message);
}

// The version whose headers this library was compiled with.
BAM_EXPORT const char* bam_torch_version() noexcept {
    return TORCH_VERSION;
}

// How libtorch was built and what it uses; valid until this thread's next call.
BAM_EXPORT const char* bam_torch_configuration() noexcept {
    thread_local std::string text;
    text.clear();
    guarded([&] { text = at::show_config(); });
    return text.c_str();
}

BAM_EXPORT int32_t bam_threads() noexcept {
    int32_t threads = 1;
    guarded([&] { threads = at::get_num_threads(); });
    return threads;
}

BAM_EXPORT int32_t bam_set_threads(int32_t threads) noexcept {
    return guarded([&] {
        // OMP_NUM_THREADS has said it, except to MKL, and the call also starts a pool of threads that spins for 50 ms.
        if (at::hasMKL() || at::get_num_threads() != threads) at::set_num_threads(threads);
    });
}

BAM_EXPORT int32_t bam_set_deterministic() noexcept {
    return guarded([&] {
        at::globalContext().setDeterministicAlgorithms(true, false);
        at::globalContext().setDeterministicCuDNN(true);
        at::globalContext().setBenchmarkCuDNN(false);
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
        // Determinism of what is never read costs a pass over every new tensor.
        at::globalContext().setDeterministicFillUninitializedMemory(false);
#endif
    });
}

BAM_EXPORT int32_t bam_cuda_device_count() noexcept {
    int32_t count = 0;
    guarded([&] { count = static_cast<int32_t>(torch::cuda::device_count()); });
    return count;
}

BAM_EXPORT int32_t bam_cuda_synchronize(int32_t index) noexcept {
    return guarded([&] { torch::cuda::synchronize(index); });
}
