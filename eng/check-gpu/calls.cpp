// Counts what a program asks of the GPU's driver. CUDA itself loads this library, which CUDA_INJECTION64_PATH names. When the
// program ends, "NAME COUNT" for each kind of call is written to the file that BAM_CUDA_CALLS names.
#include <cupti.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

std::array<std::atomic<long long>, CUPTI_DRIVER_TRACE_CBID_SIZE> counts;

void CUPTIAPI count(void*, CUpti_CallbackDomain, CUpti_CallbackId id, const void* data) {
    if (id < counts.size() && static_cast<const CUpti_CallbackData*>(data)->callbackSite == CUPTI_API_ENTER)
        counts[id].fetch_add(1, std::memory_order_relaxed);
}

void write() {
    const char* path = std::getenv("BAM_CUDA_CALLS");
    std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "w");
    if (file == nullptr)
        return;
    for (CUpti_CallbackId id = 0; id < counts.size(); ++id) {
        const char* name = nullptr;
        if (counts[id] != 0 && cuptiGetCallbackName(CUPTI_CB_DOMAIN_DRIVER_API, id, &name) == CUPTI_SUCCESS)
            std::fprintf(file, "%s %lld\n", name, counts[id].load());
    }
    std::fclose(file);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int InitializeInjection() {
    CUpti_SubscriberHandle subscriber;
    if (cuptiSubscribe(&subscriber, count, nullptr) != CUPTI_SUCCESS ||
        cuptiEnableDomain(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API) != CUPTI_SUCCESS)
        return 0;
    std::atexit(write);
    return 1;
}
