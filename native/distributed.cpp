// Stores and process groups: c10d, called on its classes' methods, which differ less between versions than its operators.
// Compiled without BAM_GLOO and BAM_NCCL there are no process groups, and bam_distributed_backends says so.
#include "bridge.h"

#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

// c10d's headers declare a backend only where its own macro is set.
#ifdef BAM_GLOO
#define USE_C10D_GLOO
#endif
#ifdef BAM_NCCL
#define USE_C10D_NCCL
#endif

// Which backends this library was compiled with: 1 Gloo, 2 NCCL.
BAM_EXPORT int32_t bam_distributed_backends() noexcept {
    int32_t backends = 0;
#ifdef BAM_GLOO
    backends |= 1;
#endif
#ifdef BAM_NCCL
    backends |= 2;
#endif
    return backends;
}

#if defined(BAM_GLOO) || defined(BAM_NCCL)

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef BAM_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef BAM_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <c10/util/Logging.h>

#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

using namespace bam;

namespace {

// Since 2.0 a ProcessGroup holds backends; before, each backend was a ProcessGroup.
#if TORCH_VERSION_MAJOR >= 2
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

using StoreHandle = c10d::Store*;
using BackendHandle = Backend*;
using WorkHandle = c10d::Work*;
using Tensors = std::vector<at::Tensor>;

std::chrono::milliseconds milliseconds(int64_t count) {
    return std::chrono::milliseconds(count);
}

template <class T>
c10::intrusive_ptr<T> shared(T* handle) {
    return c10::intrusive_ptr<T>::reclaim_copy(handle);
}

template <class T>
void release_owner(T* handle) {
    c10::intrusive_ptr<T>::reclaim(handle);
}

c10::intrusive_ptr<c10d::Store> open_store(const char* host, const c10d::TCPStoreOptions& options) {
    return c10::make_intrusive<c10d::TCPStore>(host, options);
}

// c10d warns of a lost store with a trace, beside the error that it throws. TORCH_CPP_LOG_LEVEL still has its say.
void quiet_c10d() {
    static std::once_flag once;
    std::call_once(once, [] {
        setenv("TORCH_CPP_LOG_LEVEL", "ERROR", 0);
        c10::initLogging();
    });
}

#ifdef BAM_GLOO
// Newer versions of Gloo write to std::cerr how many ranks are connected, and have no setting for it.
class QuietGloo {
public:
    QuietGloo() : buffer_(std::cerr.rdbuf(nullptr)) {}
    QuietGloo(const QuietGloo&) = delete;
    QuietGloo& operator=(const QuietGloo&) = delete;
    ~QuietGloo() { std::cerr.rdbuf(buffer_); }

private:
    std::streambuf* buffer_;
};
#endif

// bfloat16, which not every Gloo knows, as bytes, to be moved only; the number of rows stays.
at::Tensor movable(const at::Tensor& tensor) {
    if (tensor.scalar_type() != at::kBFloat16)
        return tensor;
    return (tensor.dim() < 2 ? tensor.unsqueeze(-1) : tensor).view(at::kByte);
}

// A flat tensor's `count` equal parts, as views.
Tensors parts(const at::Tensor& tensor, int64_t count) {
    TORCH_CHECK(tensor.numel() % count == 0, tensor.numel(), " elements do not divide by ", count);
    const int64_t length = tensor.numel() / count;
    const at::Tensor flat = tensor.view({-1});
    Tensors result;
    for (int64_t i = 0; i < count; ++i)
        result.push_back(flat.narrow(0, i * length, length));
    return result;
}

// Returns when an operation has ended, or takes long.
void poll(c10d::Work& work) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::seconds(1);
    while (!work.isCompleted() && Clock::now() < end)
        std::this_thread::sleep_for(std::chrono::microseconds(20));
}

#ifdef BAM_NCCL
// wait() then waits for the GPU, and throws where a rank is gone or the time is over; otherwise libtorch ends the process.
void wait_for_gpu() {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
    setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
#else
    setenv("NCCL_BLOCKING_WAIT", "1", 0);
#endif
}

// Without it libtorch warns on standard error from 2.4 on.
void shut_down(Backend* group) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    if (auto* nccl = dynamic_cast<c10d::ProcessGroupNCCL*>(group))
        nccl->shutdown();
#else
    (void)group;
#endif
}
#endif

#ifdef BAM_GLOO
// The interfaces that GLOO_SOCKET_IFNAME names; otherwise the one of `host`, or of this machine's name where that is empty.
std::vector<std::shared_ptr<gloo::transport::Device>> gloo_devices(const char* host) {
    std::vector<std::shared_ptr<gloo::transport::Device>> devices;
    if (const char* names = std::getenv("GLOO_SOCKET_IFNAME"); names != nullptr && *names != '\0') {
        std::istringstream list(names);
        for (std::string name; std::getline(list, name, ',');)
            devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(name));
    } else {
        devices.push_back(*host == '\0' ? c10d::ProcessGroupGloo::createDefaultDevice()
                                        : c10d::ProcessGroupGloo::createDeviceForHostname(host));
    }
    return devices;
}
#endif

}  // namespace

// Connects to a store, or runs one when `is_server` is not zero; port 0 takes a free one.
BAM_EXPORT int32_t bam_store_open(const char* host, int32_t port, int32_t is_server, int64_t timeout,
                                  StoreHandle* result) noexcept {
    return guarded([&] {
        quiet_c10d();
        c10d::TCPStoreOptions options;
        options.port = static_cast<std::uint16_t>(port);
        options.isServer = is_server != 0;
        options.waitWorkers = false;
        options.timeout = milliseconds(timeout);
        c10::intrusive_ptr<c10d::Store> store;
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
        try {
            store = open_store(host, options);
        } catch (const std::exception& error) {
            // The server's default needs libuv, which not every build of libtorch has.
            if (std::strstr(error.what(), "libuv") == nullptr)
                throw;
            options.useLibUV = false;
        }
#endif
        if (!store)
            store = open_store(host, options);
        *result = store.release();
    });
}

// The same store with every key behind a prefix.
BAM_EXPORT int32_t bam_store_prefix(StoreHandle store, const char* prefix, StoreHandle* result) noexcept {
    return guarded([&] { *result = c10::make_intrusive<c10d::PrefixStore>(prefix, shared(store)).release(); });
}

BAM_EXPORT int32_t bam_store_free(StoreHandle store) noexcept {
    return guarded([&] { release_owner(store); });
}

BAM_EXPORT int32_t bam_store_set(StoreHandle store, const char* key, const uint8_t* value, int32_t length) noexcept {
    return guarded([&] { store->set(key, std::vector<uint8_t>(value, value + length)); });
}

// Writes at most `capacity` bytes of a key that is there, and the length of all.
BAM_EXPORT int32_t bam_store_get(StoreHandle store, const char* key, uint8_t* value, int32_t capacity, int32_t* length) noexcept {
    return guarded([&] {
        const std::vector<uint8_t> bytes = store->get(key);
        *length = static_cast<int32_t>(bytes.size());
        std::copy_n(bytes.data(), std::min(capacity, *length), value);
    });
}

// Adds to a counter that starts at 0.
BAM_EXPORT int32_t bam_store_add(StoreHandle store, const char* key, int64_t amount, int64_t* result) noexcept {
    return guarded([&] { *result = store->add(key, amount); });
}

BAM_EXPORT int32_t bam_store_has(StoreHandle store, const char* key, int32_t* result) noexcept {
    return guarded([&] { *result = store->check({key}) ? 1 : 0; });
}

// Waits until a key is there. After a time-out the connection can be out of step: it must not be used again.
BAM_EXPORT int32_t bam_store_wait(StoreHandle store, const char* key, int64_t timeout) noexcept {
    return guarded([&] { store->wait({key}, milliseconds(timeout)); });
}

// Joins a group: `backend` as in bam_distributed_backends. `host` is this rank's address, which the others reach; empty: by name.
BAM_EXPORT int32_t bam_group_open(StoreHandle store, int32_t rank, int32_t size, int32_t backend, const char* host,
                                  int64_t timeout, BackendHandle* result) noexcept {
    return guarded([&] {
#ifdef BAM_GLOO
        if (backend == 1) {
            auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout));
            options->devices = gloo_devices(host);
            // One thread: collectives finish in the order in which they began.
            options->threads = 1;
            const QuietGloo quiet;
            *result = c10::make_intrusive<c10d::ProcessGroupGloo>(shared(store), rank, size, options).release();
            return;
        }
#endif
#ifdef BAM_NCCL
        if (backend == 2) {
            wait_for_gpu();
            auto options = c10d::ProcessGroupNCCL::Options::create();
            options->timeout = milliseconds(timeout);
            *result = c10::make_intrusive<c10d::ProcessGroupNCCL>(shared(store), rank, size, options).release();
            return;
        }
#endif
        TORCH_CHECK(false, "this build has no such backend");
    });
}

BAM_EXPORT int32_t bam_group_free(BackendHandle group) noexcept {
    return guarded([&] {
        const auto owner = c10::intrusive_ptr<Backend>::reclaim(group);
#ifdef BAM_NCCL
        shut_down(group);
#endif
    });
}

// In place; `operation` is a c10d::ReduceOp::RedOpType. Like every operation below it returns before the work is done.
BAM_EXPORT int32_t bam_group_all_reduce(BackendHandle group, TensorHandle tensor, int32_t operation, int64_t timeout,
                                        WorkHandle* work) noexcept {
    return guarded([&] {
        Tensors tensors{borrow(tensor)};
        c10d::AllreduceOptions options;
        options.reduceOp = static_cast<c10d::ReduceOp::RedOpType>(operation);
        options.timeout = milliseconds(timeout);
        *work = group->allreduce(tensors, options).release();
    });
}

// In place on the root; the others' tensors are undefined afterwards.
BAM_EXPORT int32_t bam_group_reduce(BackendHandle group, TensorHandle tensor, int32_t root, int32_t operation, int64_t timeout,
                                    WorkHandle* work) noexcept {
    return guarded([&] {
        Tensors tensors{borrow(tensor)};
        c10d::ReduceOptions options;
        options.reduceOp = static_cast<c10d::ReduceOp::RedOpType>(operation);
        options.rootRank = root;
        options.timeout = milliseconds(timeout);
        *work = group->reduce(tensors, options).release();
    });
}

BAM_EXPORT int32_t bam_group_broadcast(BackendHandle group, TensorHandle tensor, int32_t root, int64_t timeout,
                                       WorkHandle* work) noexcept {
    return guarded([&] {
        Tensors tensors{movable(borrow(tensor))};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        options.timeout = milliseconds(timeout);
        *work = group->broadcast(tensors, options).release();
    });
}

// `output` holds `input` of every rank, one after another. By the list form, as Gloo of 1.13 lacks the flat one.
BAM_EXPORT int32_t bam_group_all_gather(BackendHandle group, TensorHandle output, TensorHandle input, int64_t timeout,
                                        WorkHandle* work) noexcept {
    return guarded([&] {
        std::vector<Tensors> outputs{parts(movable(borrow(output)), group->getSize())};
        Tensors inputs{movable(borrow(input)).view({-1})};
        c10d::AllgatherOptions options;
        options.timeout = milliseconds(timeout);
        *work = group->allgather(outputs, inputs, options).release();
    });
}

// Rank i gets the i-th part of `input`; parts are counted in rows of the first dimension, equal ones without counts.
BAM_EXPORT int32_t bam_group_all_to_all(BackendHandle group, TensorHandle output, TensorHandle input, const int64_t* output_rows,
                                        const int64_t* input_rows, int32_t count, int64_t timeout, WorkHandle* work) noexcept {
    return guarded([&] {
        at::Tensor outputs = movable(borrow(output));
        at::Tensor inputs = movable(borrow(input));
        std::vector<int64_t> output_counts(output_rows, output_rows + count);
        std::vector<int64_t> input_counts(input_rows, input_rows + count);
        c10d::AllToAllOptions options;
        options.timeout = milliseconds(timeout);
        *work = group->alltoall_base(outputs, inputs, output_counts, input_counts, options).release();
    });
}

BAM_EXPORT int32_t bam_group_send(BackendHandle group, TensorHandle tensor, int32_t destination, int32_t tag,
                                  WorkHandle* work) noexcept {
    return guarded([&] {
        Tensors tensors{movable(borrow(tensor))};
        *work = group->send(tensors, destination, tag).release();
    });
}

BAM_EXPORT int32_t bam_group_receive(BackendHandle group, TensorHandle tensor, int32_t source, int32_t tag,
                                     WorkHandle* work) noexcept {
    return guarded([&] {
        Tensors tensors{movable(borrow(tensor))};
        *work = group->recv(tensors, source, tag).release();
    });
}

BAM_EXPORT int32_t bam_group_barrier(BackendHandle group, int64_t timeout, WorkHandle* work) noexcept {
    return guarded([&] {
        c10d::BarrierOptions options;
        options.timeout = milliseconds(timeout);
        *work = group->barrier(options).release();
    });
}

// Waits for an operation and frees it. NCCL's own wait looks every one or ten milliseconds, so its operations are polled before.
BAM_EXPORT int32_t bam_work_wait(WorkHandle work, int64_t timeout, int32_t is_polled) noexcept {
    const auto owner = c10::intrusive_ptr<c10d::Work>::reclaim(work);
    return guarded([&] {
        if (is_polled != 0)
            poll(*owner);
        TORCH_CHECK(owner->wait(milliseconds(timeout)), "the operation was aborted");
    });
}

#endif
