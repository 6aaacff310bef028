using System.Globalization;

namespace Bam.Torch;

/// <summary>Where a tensor lies; GPUs are numbered from 0, and the processor has the index 0.</summary>
internal readonly record struct Device(DeviceType Type, int Index)
{
    public static Device Cpu { get; } = new(DeviceType.Cpu, 0);

    public bool IsCpu => Type == DeviceType.Cpu;

    /// <summary>How many GPUs this libtorch and this machine have.</summary>
    public static int CudaCount => LibTorch.IsAvailable(out _) ? Native.bam_cuda_device_count() : 0;

    /// <summary>GPU number <paramref name="index"/>, from 0.</summary>
    public static Device Cuda(int index = 0) => new(DeviceType.Cuda, index);

    /// <summary>Reads <c>auto</c> (a GPU if there is one), <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <param name="text">What a user wrote.</param>
    /// <param name="localRank">The GPU that <c>auto</c> and <c>cuda</c> mean: one for each process of a machine.</param>
    /// <exception cref="FormatException">The text is none of these, or names a GPU that is not there.</exception>
    public static Device Parse(string text, int localRank = 0)
    {
        if (text == "cpu" || (text == "auto" && CudaCount == 0))
            return Cpu;

        var isNumbered = text is not ("auto" or "cuda");
        var index = localRank;
        if (isNumbered && !(text.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out index)))
            throw new FormatException($"device: expected auto, cpu, cuda or cuda:N, found '{text}'");
        if (index < CudaCount)
            return Cuda(index);
        var found = isNumbered || localRank == 0 ? text : Cuda(index).ToString();
        throw new FormatException($"device: '{found}' is not there: libtorch sees {CudaCount} CUDA devices; use cpu or auto");
    }

    /// <summary>Waits until all work queued on the device is done; on the processor it already is.</summary>
    public void Synchronize()
    {
        if (!IsCpu)
            Native.Check(Native.bam_cuda_synchronize(Index), "synchronize");
    }

    /// <summary><c>cpu</c> or <c>cuda:N</c>.</summary>
    public override string ToString() =>
        IsCpu ? "cpu" : string.Create(CultureInfo.InvariantCulture, $"cuda:{Index}");
}

/// <summary>The kinds of device, with libtorch's numbers.</summary>
internal enum DeviceType : sbyte
{
    Cpu = 0,

    /// <summary>An NVIDIA GPU (or an AMD one under ROCm's libtorch).</summary>
    Cuda = 1,
}
