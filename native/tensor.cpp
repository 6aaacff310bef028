// What is not an operator about a tensor: its life, its shape, where it lies.
#include "bridge.h"

#include <ATen/ops/empty.h>

using namespace bam;

namespace {

// Mirrors Bam.Torch.TensorInfo.
struct TensorInfo {
    int64_t count;
    int32_t rank;
    int32_t scalar_type;
    int32_t device_type;
    int32_t device_index;
};

}  // namespace

BAM_EXPORT void bam_tensor_free(TensorHandle handle) noexcept {
    guarded([&] { adopt(handle); });
}

BAM_EXPORT void bam_tensor_free_many(const TensorHandle* handles, int32_t count) noexcept {
    guarded([&] {
        for (int32_t i = 0; i < count; ++i)
            adopt(handles[i]);
    });
}

// One more owner of the same tensor.
BAM_EXPORT TensorHandle bam_tensor_retain(TensorHandle handle) noexcept {
    return release(borrow(handle));
}

BAM_EXPORT void bam_tensor_info(TensorHandle handle, TensorInfo* info) noexcept {
    guarded([&] {
        const auto device = handle->device();
        *info = {handle->numel(), static_cast<int32_t>(handle->dim()),
                 static_cast<int32_t>(c10::typeMetaToScalarType(handle->dtype())), static_cast<int32_t>(device.type()),
                 static_cast<int32_t>(device.index())};
    });
}

BAM_EXPORT void bam_tensor_shape(TensorHandle handle, int64_t* shape) noexcept {
    guarded([&] {
        for (const int64_t size : handle->sizes())
            *shape++ = size;
    });
}

BAM_EXPORT int32_t bam_tensor_is_contiguous(TensorHandle handle) noexcept {
    bool contiguous = false;
    guarded([&] { contiguous = handle->is_contiguous(); });
    return contiguous;
}

// Null for a tensor without elements.
BAM_EXPORT int32_t bam_tensor_data(TensorHandle handle, void** data) noexcept {
    return guarded([&] { *data = borrow(handle).data_ptr(); });
}

BAM_EXPORT int32_t bam_tensor_empty(const int64_t* shape, int32_t rank, int32_t scalar_type, int32_t device_type,
                                    int32_t device_index, TensorHandle* result) noexcept {
    return guarded([&] {
        const auto options = at::TensorOptions()
                                 .dtype(static_cast<c10::ScalarType>(scalar_type))
                                 .device(c10::Device(static_cast<c10::DeviceType>(device_type),
                                                     static_cast<c10::DeviceIndex>(device_index)));
        *result = release(at::empty(c10::IntArrayRef(shape, rank), options));
    });
}
