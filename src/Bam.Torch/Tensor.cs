using System.Globalization;

namespace Bam.Torch;

/// <summary>
/// A libtorch tensor. It belongs to the innermost open <see cref="TensorScope"/> of the thread that made it or, without
/// one, to the caller, who disposes of it: no finalizer frees native memory.
/// </summary>
internal sealed unsafe partial class Tensor : IDisposable
{
    private static long s_liveCount;

    private nint handle;
    private long[]? shape;
    private long count;
    private ScalarType scalarType;
    private Device device;

    /// <summary>Owns <paramref name="handle"/> from now on.</summary>
    internal Tensor(nint handle)
    {
        this.handle = handle;
        Interlocked.Increment(ref s_liveCount);
        var scopes = ScopeStack.Current;
        if (scopes.Depth > 0)
            scopes.Add(this);
        else
            TensorLeaks.Watch(this);
    }

    /// <summary>How many tensors are alive in this process.</summary>
    public static long LiveCount => Interlocked.Read(ref s_liveCount);

    /// <summary>The native handle, 0 after disposal.</summary>
    public nint Handle => this.handle;

    public bool IsDisposed => this.handle == 0;

    public ReadOnlySpan<long> Shape => Describe();

    /// <summary>How many dimensions it has; 0 for a scalar.</summary>
    public int Rank => Describe().Length;

    public long Count
    {
        get
        {
            Describe();
            return count;
        }
    }

    public ScalarType ScalarType
    {
        get
        {
            Describe();
            return scalarType;
        }
    }

    public Device Device
    {
        get
        {
            Describe();
            return device;
        }
    }

    /// <summary>Whether its elements lie in row-major order without gaps.</summary>
    public bool IsContiguous => Native.bam_tensor_is_contiguous(LiveHandle) != 0;

    /// <summary>The address of its first element, on its device; 0 when it has none.</summary>
    public nint DataPointer
    {
        get
        {
            nint data;
            Native.Check(Native.bam_tensor_data(LiveHandle, &data), "data_ptr");
            return data;
        }
    }

    /// <summary>The scope's stack that this tensor stands on, if any.</summary>
    internal ScopeStack? Scope { get; set; }

    /// <summary>Its place on <see cref="Scope"/>.</summary>
    internal int Slot { get; set; }

    /// <summary>It outlives the scopes deeper than this.</summary>
    internal int KeepDepth { get; set; } = int.MaxValue;

    /// <summary>The handle of a tensor that was not freed.</summary>
    /// <exception cref="ObjectDisposedException">It was.</exception>
    internal nint LiveHandle
    {
        get
        {
            ObjectDisposedException.ThrowIf(this.handle == 0, this);
            return this.handle;
        }
    }

    /// <summary>The size of one dimension; negative numbers count from the last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension.</exception>
    public long Size(int dim)
    {
        var shape = Describe();
        var index = dim < 0 ? dim + shape.Length : dim;
        if ((uint)index >= (uint)shape.Length)
            throw new ArgumentOutOfRangeException(nameof(dim), dim, $"expected a dimension of {this}");
        return shape[index];
    }

    /// <summary>Takes the tensor out of its scope: the caller disposes of it.</summary>
    /// <exception cref="InvalidOperationException">The scope is of another thread.</exception>
    public Tensor DetachFromScope()
    {
        ThrowIfOfAnotherThread();
        if (Scope is not null)
            LeaveScopes();
        return this;
    }

    /// <summary>Frees the tensor; once more does nothing.</summary>
    /// <exception cref="InvalidOperationException">A scope of another thread will free it.</exception>
    public void Dispose()
    {
        ThrowIfOfAnotherThread();
        var handle = TakeHandle();
        if (handle == 0)
            return;
        Scope?.Remove(this);
        Native.bam_tensor_free(handle);
    }

    /// <summary>The type and shape, such as <c>Float32[2, 3]</c>.</summary>
    public override string ToString()
    {
        if (IsDisposed)
            return "disposed tensor";
        var sizes = string.Join(", ", Describe().Select(size => size.ToString(CultureInfo.InvariantCulture)));
        return device.IsCpu ? $"{scalarType}[{sizes}]" : $"{scalarType}[{sizes}] on {device}";
    }

    /// <summary>Ends this tensor and leaves the native one to the caller; 0 when that was done before.</summary>
    internal nint TakeHandle()
    {
        var handle = Interlocked.Exchange(ref this.handle, 0);
        if (handle != 0)
        {
            Interlocked.Decrement(ref s_liveCount);
            TensorLeaks.Forget(this);
        }

        return handle;
    }

    /// <summary>No scope frees it from now on.</summary>
    internal void LeaveScopes()
    {
        Scope?.Remove(this);
        Scope = null;
        KeepDepth = int.MaxValue;
        TensorLeaks.Watch(this);
    }

    /// <summary>A thread's scopes are not locked: only that thread takes tensors out of them.</summary>
    internal void ThrowIfOfAnotherThread()
    {
        if (Scope is not null && Scope != ScopeStack.Current)
            throw new InvalidOperationException($"{this} belongs to a scope of another thread");
    }

    private long[] Describe() => this.shape ?? ReadDescription();

    private long[] ReadDescription()
    {
        Native.TensorInfo info;
        Native.bam_tensor_info(LiveHandle, &info);
        count = info.Count;
        scalarType = (ScalarType)info.ScalarType;
        var type = (DeviceType)info.DeviceType;
        device = new Device(type, type == DeviceType.Cpu ? 0 : info.DeviceIndex);
        var shape = new long[info.Rank];
        fixed (long* sizes = shape)
            Native.bam_tensor_shape(this.handle, sizes);
        return this.shape = shape;
    }
}
