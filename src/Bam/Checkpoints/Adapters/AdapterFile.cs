using System.Text.RegularExpressions;
using Bam.Checkpoints.Safetensors;

namespace Bam.Checkpoints.Adapters;

/// <summary>The role of an adapter's tensor in its module.</summary>
internal enum AdapterPart
{
    /// <summary>A, [r, in].</summary>
    A,

    /// <summary>B, [out, r].</summary>
    B,

    /// <summary>A bias of B, [out].</summary>
    BiasOfB,

    /// <summary>A of an embedding, [r, V].</summary>
    EmbeddingA,

    /// <summary>B of an embedding, [d, r].</summary>
    EmbeddingB,

    /// <summary>DoRA's magnitudes, [out]; of an embedding [d].</summary>
    Magnitude,

    /// <summary>A whole weight that replaces the base's.</summary>
    Weight,

    /// <summary>A whole bias that replaces the base's.</summary>
    Bias,
}

/// <summary>
/// The tensors of <c>adapter_model.safetensors</c> by module. A tensor's name consists of <c>base_model.model.</c>, the module's
/// name in the base and the part; it may also contain the adapter's own name (<c>.default</c>).
/// </summary>
internal sealed partial class AdapterFile
{
    public const string FileName = "adapter_model.safetensors";

    private const string PickledFileName = "adapter_model.bin";

    /// <summary>Prefixes that PEFT and wrappers for distributed training add to names, once or repeatedly.</summary>
    private static readonly string[] Prefixes = ["base_model.model.", "_fsdp_wrapped_module.", "_orig_mod.", "module."];

    /// <summary>Modules that wrap another one; their names occur inside tensor names.</summary>
    private static readonly string[] Wrappers = ["._fsdp_wrapped_module", "._orig_mod", "._checkpoint_wrapped_module"];

    private AdapterFile(SafetensorsFile file, IReadOnlyDictionary<string, Dictionary<AdapterPart, TensorInfo>> modules) =>
        (File, Modules) = (file, modules);

    public SafetensorsFile File { get; }

    /// <summary>The tensors of each module, in the order of the modules' names.</summary>
    public IReadOnlyDictionary<string, Dictionary<AdapterPart, TensorInfo>> Modules { get; }

    /// <summary>Opens the tensors of an adapter's directory.</summary>
    /// <exception cref="InvalidInputException">A tensor does not belong to a LoRA adapter.</exception>
    public static AdapterFile Open(string directory)
    {
        var file = SafetensorsFile.Open(Path.Combine(directory, FileName));
        try
        {
            return new(file, Group(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a directory without the files of an adapter.</summary>
    /// <exception cref="InvalidInputException">One is missing, or is in a form that is not read.</exception>
    public static void Require(string directory)
    {
        if (!Directory.Exists(directory))
            throw new InvalidInputException(directory, "an adapter's directory", "a file", "name the directory it lies in");
        if (!Has(AdapterConfig.FileName))
        {
            throw new InvalidInputException(
                directory, $"{AdapterConfig.FileName} of a LoRA adapter", Has(ModelConfig.FileName) ? "a whole model" : "none",
                "BASE+ADAPTER names a checkpoint and an adapter of it");
        }

        if (Has(FileName)) return;
        throw new InvalidInputException(
            directory, FileName, Has(PickledFileName) ? $"only {PickledFileName}" : "none",
            Has(PickledFileName)
                ? "Bam reads nothing that can run code; convert it: python3 -c \"import torch, safetensors.torch as s; "
                    + $"s.save_file(torch.load('{Path.Combine(directory, PickledFileName)}', weights_only=True), "
                    + $"'{Path.Combine(directory, FileName)}')\""
                : "copy it beside the configuration");

        bool Has(string name) => Path.Exists(Path.Combine(directory, name));
    }

    private static SortedDictionary<string, Dictionary<AdapterPart, TensorInfo>> Group(SafetensorsFile file)
    {
        var modules = new SortedDictionary<string, Dictionary<AdapterPart, TensorInfo>>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors.Values)
        {
            var where = $"{file.Path}: tensor {tensor.Name}";
            if (Parse(WithoutWrappers(tensor.Name)) is not var (module, part))
                throw new InvalidInputException(
                    where, "a part of a LoRA adapter", "a tensor without a place in the base", "merge the adapter with peft");
            if (!tensor.Dtype.IsFloatingPoint)
                throw new InvalidInputException(
                    $"{where}: dtype", "a floating-point type", tensor.Dtype.SafetensorsName, "save the adapter in float32");
            if (!modules.TryGetValue(module, out var parts)) modules[module] = parts = [];
            if (!parts.TryAdd(part, tensor))
                throw new InvalidInputException(
                    where, $"one such tensor of {module}", $"{parts[part].Name} beside it", "save each adapter alone");
        }

        return modules.Count > 0
            ? modules
            : throw new InvalidInputException(file.Path, "the tensors of an adapter", "none", "copy it again");
    }

    private static string WithoutWrappers(string name)
    {
        foreach (var wrapper in Wrappers) name = name.Replace(wrapper + ".", ".", StringComparison.Ordinal);
        while (Prefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix)
            name = name[prefix.Length..];
        return name;
    }

    private static (string Module, AdapterPart Part)? Parse(string name)
    {
        if (LowRank().Match(name) is { Success: true } lowRank)
        {
            var isA = lowRank.Groups["factor"].Value == "A";
            if (lowRank.Groups["kind"].Value == "weight") return (Module(lowRank), isA ? AdapterPart.A : AdapterPart.B);
            return isA ? null : (Module(lowRank), AdapterPart.BiasOfB);
        }

        if (Embedding().Match(name) is { Success: true } embedding)
        {
            return (
                Module(embedding),
                embedding.Groups["factor"].Value == "A" ? AdapterPart.EmbeddingA : AdapterPart.EmbeddingB);
        }

        if (Magnitude().Match(name) is { Success: true } magnitude) return (Module(magnitude), AdapterPart.Magnitude);
        if (name.Contains("lora_", StringComparison.Ordinal) || name.Contains("trainable_tokens_", StringComparison.Ordinal))
            return null;
        return Whole().Match(name) is { Success: true } whole
            ? (Module(whole), whole.Groups["kind"].Value == "weight" ? AdapterPart.Weight : AdapterPart.Bias)
            : null;

        static string Module(Match match) => match.Groups["module"].Value;
    }

    [GeneratedRegex(@"^(?<module>.+)\.lora_(?<factor>A|B)(\.[^.]+)?\.(?<kind>weight|bias)$")]
    private static partial Regex LowRank();

    [GeneratedRegex(@"^(?<module>.+)\.lora_embedding_(?<factor>A|B)(\.[^.]+)?$")]
    private static partial Regex Embedding();

    [GeneratedRegex(@"^(?<module>.+)\.lora_magnitude_vector(\.[^.]+?)?(\.weight)?$")]
    private static partial Regex Magnitude();

    [GeneratedRegex(@"^(?<module>.+?)(\.base_layer|\.modules_to_save(\.[^.]+)?)?\.(?<kind>weight|bias)$")]
    private static partial Regex Whole();
}
