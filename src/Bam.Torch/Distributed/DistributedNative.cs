using System.Runtime.InteropServices;

namespace Bam.Torch.Distributed;

/// <summary>The exports of native/distributed.cpp. Only the first is there in a build without process groups.</summary>
internal static unsafe partial class DistributedNative
{
    [LibraryImport(Native.Library)]
    internal static partial int bam_distributed_backends();

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_open(string host, int port, int isServer, long timeout, nint* result);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_prefix(nint store, string prefix, nint* result);

    [LibraryImport(Native.Library)]
    internal static partial int bam_store_free(nint store);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_set(nint store, string key, byte* value, int length);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_get(nint store, string key, byte* value, int capacity, int* length);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_add(nint store, string key, long amount, long* result);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_has(nint store, string key, int* result);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_store_wait(nint store, string key, long timeout);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bam_group_open(
        nint store, int rank, int size, int backend, string host, long timeout, nint* result);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_free(nint group);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_all_reduce(nint group, nint tensor, int operation, long timeout, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_reduce(nint group, nint tensor, int root, int operation, long timeout, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_broadcast(nint group, nint tensor, int root, long timeout, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_all_gather(nint group, nint output, nint input, long timeout, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_all_to_all(
        nint group, nint output, nint input, long* outputRows, long* inputRows, int count, long timeout, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_send(nint group, nint tensor, int destination, int tag, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_receive(nint group, nint tensor, int source, int tag, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_group_barrier(nint group, long timeout, nint* work);

    [LibraryImport(Native.Library)]
    internal static partial int bam_work_wait(nint work, long timeout, int isPolled);
}

/// <summary>What carries a group's operations, with the bridge's numbers.</summary>
internal enum GroupBackend
{
    /// <summary>For tensors on the processor.</summary>
    Gloo = 1,

    /// <summary>For tensors on NVIDIA GPUs.</summary>
    Nccl = 2,
}

/// <summary>Which backends this build has.</summary>
internal static class GroupBackends
{
    /// <summary>Whether this build has the backend.</summary>
    public static bool Has(GroupBackend backend)
    {
        LibTorch.Load();
        return (DistributedNative.bam_distributed_backends() & (int)backend) != 0;
    }

    /// <summary>Checks that this build has what carries tensors of a kind of device.</summary>
    /// <exception cref="ProcessGroupException">It does not; the message says what to install.</exception>
    public static void RequireFor(DeviceType device)
    {
        if (Has(device == DeviceType.Cpu ? GroupBackend.Gloo : GroupBackend.Nccl))
            return;
        throw new ProcessGroupException(
            device == DeviceType.Cpu
                ? "this build has no process groups: install libgloo-dev and build again"
                : "this build has no process groups for GPUs: libtorch must have NCCL; install NCCL's and CUDA's headers and "
                    + "build again");
    }
}
