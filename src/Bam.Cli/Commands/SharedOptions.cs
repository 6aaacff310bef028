using System.CommandLine;
using Bam.Checkpoints.Safetensors;
using Bam.Data;
using Bam.Torch;

namespace Bam.Cli.Commands;

/// <summary>The option <c>--device</c>.</summary>
internal static class DeviceOption
{
    public static Option<string> Create(string description = "auto, cpu or cuda:N") => new("--device")
    {
        Description = description,
        HelpName = "DEVICE",
        DefaultValueFactory = _ => "auto",
    };

    /// <summary>The chosen device; libtorch must be loaded.</summary>
    /// <param name="invocation">The command's.</param>
    /// <param name="option">As <see cref="Create"/> made it.</param>
    /// <param name="localRank">As in <see cref="Device.Parse"/>.</param>
    public static Device Of(Invocation invocation, Option<string> option, int localRank = 0)
    {
        try
        {
            return Device.Parse(invocation.Get(option)!, localRank);
        }
        catch (FormatException e)
        {
            throw new InvalidInputException($"--device: {e.Message}", e);
        }
    }
}

/// <summary>The option <c>--bos</c>: where begin-of-text tokens are put.</summary>
internal static class BosOption
{
    private const string Name = "--bos";

    public static Option<string?> Create(string description) => new(Name) { Description = description, HelpName = "PLACE" };

    /// <summary>The chosen place; null if the option is absent.</summary>
    public static BeginOfText? Of(Invocation invocation, Option<string?> option, params BeginOfText[] allowed)
    {
        if (invocation.Get(option) is not { } word) return null;
        foreach (var place in allowed)
            if (place.ToString().Equals(word, StringComparison.OrdinalIgnoreCase)) return place;
        throw new InvalidInputException(
            Name, string.Join(" or ", allowed.Select(place => place.ToString().ToLowerInvariant())), word, "choose one of these");
    }
}

/// <summary>The option <c>--template</c>: which chat template.</summary>
internal static class TemplateOption
{
    public static Option<string?> Create() => new("--template")
    {
        Description = "With --chat: the name of one of the model's chat templates, or a .jinja file "
            + "[default: tool_use for conversations with tools if there is one, else default]",
        HelpName = "NAME",
    };
}

/// <summary>The option <c>--skip-bad-lines</c>: the number of unreadable JSONL lines and Parquet rows to skip.</summary>
internal static class SkipBadLinesOption
{
    private const string Name = "--skip-bad-lines";

    public static Option<long> Create() => new(Name)
    {
        Description = "Skip up to N unreadable .jsonl lines or .parquet rows, with a warning; fail if there are more",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    public static long Of(Invocation invocation, Option<long> option) =>
        invocation.Get(option) is >= 0 and var lines
            ? lines
            : throw new InvalidInputException(Name, "0 or more", $"{invocation.Get(option)}", "change it");
}

/// <summary>The option <c>--dtype</c>: the dtype of the output.</summary>
internal static class DtypeOption
{
    /// <summary>
    /// The dtype, or null if none was given; <paramref name="others"/> are further values of the option, for the message ("q8_0
    /// (gguf)").
    /// </summary>
    /// <exception cref="InvalidInputException">It is no floating-point dtype.</exception>
    public static TensorDtype? Parse(string? name, string? others = null)
    {
        if (name is null) return null;
        return TensorDtypes.FromTorchName(name) is { IsFloatingPoint: true } dtype
            ? dtype
            : throw new InvalidInputException(
                "--dtype",
                others is null ? "float32, bfloat16, float16 or float64" : $"float32, bfloat16, float16, float64 or {others}",
                name, "choose one of these");
    }
}

/// <summary>The option <c>--weights-dtype</c>: the dtype in which a model that is only read keeps its matrices.</summary>
internal static class WeightsDtypeOption
{
    private const string Name = "--weights-dtype";

    public static Option<string> Create() => new(Name)
    {
        Description = "Dtype of the weights in memory: float32, bfloat16 or float16; products sum in float32",
        HelpName = "DTYPE",
        DefaultValueFactory = _ => "float32",
    };

    /// <summary>The chosen dtype.</summary>
    /// <exception cref="InvalidInputException">It is none of the three.</exception>
    public static ScalarType Of(Invocation invocation, Option<string> option) => invocation.GetRequired(option) switch
    {
        "float32" => ScalarType.Float32,
        "bfloat16" => ScalarType.BFloat16,
        "float16" => ScalarType.Float16,
        var other => throw new InvalidInputException(Name, "float32, bfloat16 or float16", other, "choose one of these"),
    };

    /// <summary>Refuses narrow weights where they would be widened as a whole for every product.</summary>
    /// <exception cref="InvalidInputException">The device is a GPU, or the compute dtype is not float32.</exception>
    public static void Require(ScalarType weightsType, Device device, ScalarType computeType = ScalarType.Float32)
    {
        if (weightsType == ScalarType.Float32 || (device.IsCpu && computeType == ScalarType.Float32)) return;
        throw new InvalidInputException(
            Name, "float32 on a GPU or with another compute dtype",
            $"{(weightsType == ScalarType.BFloat16 ? "bfloat16" : "float16")} weights",
            "leave it out, or use --device cpu and float32");
    }
}
