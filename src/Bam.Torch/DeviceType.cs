namespace Bam.Torch;

/// <summary>The kinds of device, with libtorch's numbers.</summary>
internal enum DeviceType : sbyte
{
    /// <summary>The processor.</summary>
    Cpu = 0,

    /// <summary>An NVIDIA GPU (or an AMD one under ROCm's libtorch).</summary>
    Cuda = 1,
}
