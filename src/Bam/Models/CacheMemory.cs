using Bam.Checkpoints;
using Bam.Files;
using Bam.Torch;

namespace Bam.Models;

/// <summary>
/// Refuses a key-value cache that the processor's memory cannot hold beside the weights, before it is allocated. A GPU says so
/// itself.
/// </summary>
/// <param name="Sequences">Sequences side by side.</param>
/// <param name="Tokens">The positions of each.</param>
internal sealed record CacheMemory(int Sequences, int Tokens)
{
    /// <summary>What sets the two numbers, for the message.</summary>
    public string What { get; init; } = "the key-value cache";

    /// <summary>What to do, for the message.</summary>
    public string Hint { get; init; } = "give shorter prompts or ask for fewer tokens";

    /// <summary>Checks against the memory of this machine.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="device">Where it is computed.</param>
    /// <param name="type">The compute dtype, which keys and values have.</param>
    /// <param name="weightsType">The weights' dtype; that of keys and values if omitted.</param>
    /// <exception cref="InvalidInputException">The cache does not fit.</exception>
    public void Require(ModelConfig config, Device device, ScalarType type, ScalarType? weightsType = null)
    {
        if (device.IsCpu && MachineMemory.Bytes() is { } memory) Require(config, type, memory, weightsType);
    }

    /// <summary>Checks against a memory, in bytes.</summary>
    /// <exception cref="InvalidInputException">The cache does not fit.</exception>
    public void Require(ModelConfig config, ScalarType type, long memory, ScalarType? weightsType = null)
    {
        var perToken = KeyValueCache.BytesPerToken(config, type);
        var needed = (Int128)perToken * Sequences * Tokens;
        var weights = ParameterTable.Of(config).Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size))
            * (weightsType ?? type).ByteSize();
        var left = Math.Max(0, memory - weights);
        if (needed <= left) return;
        throw new InvalidInputException(
            What, $"keys and values that fit the {left} bytes of memory here that the weights leave",
            $"{Sequences} × {Tokens} tokens × {perToken} bytes = {needed} bytes",
            $"{Hint}, or use a machine with more memory");
    }
}
