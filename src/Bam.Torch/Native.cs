using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Bam.Torch;

/// <summary>The bridge's exports, as native/*.cpp describes them. Getters that return at once skip the GC transition.</summary>
internal static unsafe partial class Native
{
    internal const string Library = "bam_torch";

    // A module initializer, as calls without GC transition are bound before a static constructor of this class would run.
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The resolver must stand before the first call is compiled.")]
    internal static void Resolve() => NativeLibrary.SetDllImportResolver(
        typeof(Native).Assembly, static (name, _, _) => name == Library ? LibTorch.BridgeHandle : 0);

    /// <summary>Turns a failed status into a <see cref="TorchException"/> with the bridge's message.</summary>
    internal static void Check(int status, string operation)
    {
        if (status != 0)
            throw new TorchException(operation, LastError());
    }

    internal static string LastError() => Marshal.PtrToStringUTF8((nint)bam_last_error()) ?? "";

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial byte* bam_last_error();

    [LibraryImport(Library)]
    internal static partial void bam_set_error(byte* message);

    [LibraryImport(Library)]
    internal static partial byte* bam_torch_version();

    [LibraryImport(Library)]
    internal static partial byte* bam_torch_configuration();

    [LibraryImport(Library)]
    internal static partial int bam_threads();

    [LibraryImport(Library)]
    internal static partial int bam_set_threads(int threads);

    [LibraryImport(Library)]
    internal static partial int bam_set_deterministic();

    [LibraryImport(Library)]
    internal static partial int bam_cuda_device_count();

    [LibraryImport(Library)]
    internal static partial int bam_cuda_synchronize(int index);

    [LibraryImport(Library)]
    internal static partial nint bam_operator_find(byte* name, byte* overload);

    [LibraryImport(Library)]
    internal static partial int bam_operator_call(
        nint op, Value* arguments, int argumentCount, Value* results, int capacity, int* count);

    [LibraryImport(Library)]
    internal static partial void bam_operator_results(Value* results);

    [LibraryImport(Library)]
    internal static partial byte* bam_operator_schema(nint op);

    [LibraryImport(Library)]
    internal static partial void bam_tensor_free(nint tensor);

    [LibraryImport(Library)]
    internal static partial void bam_tensor_free_many(nint* tensors, int count);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial nint bam_tensor_retain(nint tensor);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial void bam_tensor_info(nint tensor, TensorInfo* info);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial void bam_tensor_shape(nint tensor, long* shape);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial int bam_tensor_is_contiguous(nint tensor);

    [LibraryImport(Library)]
    internal static partial int bam_parallel_run(long count, delegate* unmanaged<nint, void> body, nint state);

    [LibraryImport(Library)]
    internal static partial int bam_tensor_data(nint tensor, nint* data);

    [LibraryImport(Library)]
    internal static partial int bam_tensor_empty(
        long* shape, int rank, int scalarType, int deviceType, int deviceIndex, nint* result);

    [LibraryImport(Library)]
    internal static partial int bam_backward(nint* tensors, nint* gradients, int count, int retainGraph);

    [LibraryImport(Library)]
    internal static partial int bam_gradients(nint* outputs, int outputCount, nint* inputs, int inputCount, nint* results);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial int bam_grad_enabled();

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial void bam_set_grad_enabled(int enabled);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    internal static partial int bam_tensor_requires_grad(nint tensor);

    [LibraryImport(Library)]
    internal static partial int bam_tensor_set_requires_grad(nint tensor, int value);

    [LibraryImport(Library)]
    internal static partial int bam_tensor_is_leaf(nint tensor);

    [LibraryImport(Library)]
    internal static partial int bam_tensor_grad(nint tensor, nint* result);

    [LibraryImport(Library)]
    internal static partial int bam_tensor_set_grad(nint tensor, nint gradient);

    [LibraryImport(Library)]
    internal static partial void bam_function_callbacks(
        delegate* unmanaged<nint, nint*, int, nint*, int, nint*, byte*, int, int> backward,
        delegate* unmanaged<nint, void> release);

    [LibraryImport(Library)]
    internal static partial int bam_function_attach(
        nint state, nint* inputs, int inputCount, nint* outputs, int outputCount, nint* saved, int savedCount);

    [LibraryImport(Library)]
    internal static partial long bam_function_live_nodes();

    /// <summary>What is fixed about a tensor, in one call.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TensorInfo
    {
        internal long Count;
        internal int Rank;
        internal int ScalarType;
        internal int DeviceType;
        internal int DeviceIndex;
    }
}

/// <summary>libtorch refused a call. The message names the operator and the types and shapes of its tensors.</summary>
internal sealed class TorchException : Exception
{
    /// <summary>An error of a call of libtorch; <paramref name="inner"/> is that of a C# callback that failed in it.</summary>
    public TorchException(string operation, string message, Exception? inner = null)
        : base($"{operation}: {message}", inner) => Operation = operation;

    /// <summary>The operator's name, such as <c>aten::linear</c>.</summary>
    public string Operation { get; }
}
