using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// Weights of fewer bits with scales. Float8 with scales is read. Every other form is refused under its own name, since its
/// tensors look like those of a damaged or of another model.
/// </summary>
internal static class QuantizedWeights
{
    /// <summary>The way out.</summary>
    public const string UseTheFloatModel = "use the float model that it was made from";

    /// <summary>What marks tensors that are not read: a part of the name, and whose form that is.</summary>
    private static readonly (string Mark, string Form)[] Unreadable =
    [
        (".qweight", "GPTQ or AWQ"),
        (".qzeros", "GPTQ or AWQ"),
        (".g_idx", "GPTQ or AWQ"),
        (".quant_state.bitsandbytes", "bitsandbytes in 4 bits"),
        (".absmax", "bitsandbytes in 4 bits"),
        (".quant_map", "bitsandbytes in 4 bits"),
        (".SCB", "bitsandbytes in 8 bits"),
        (".weight_packed", "compressed-tensors, packed"),
        (".weight_zero_point", "compressed-tensors with zero points"),
        (".weight_scale_2", "NVFP4"),
        (".weight._data", "Quanto"),
        (".q_weight", "EXL2"),
        (".W_q", "HQQ"),
        (".codebooks", "AQLM"),
        (".biases", "MLX"),
    ];

    /// <summary>Scales that concern activations and caches, not weights.</summary>
    private static readonly string[] OfActivations =
    [
        ".input_scale", ".activation_scale", ".output_scale", ".k_scale", ".v_scale", ".q_scale", ".input_scale_ub",
    ];

    /// <summary>The scales of every float8 tensor that has some, by the tensor's name.</summary>
    /// <exception cref="InvalidInputException">The quantised form is not read, or scales do not fit their matrix.</exception>
    public static Dictionary<string, StoredScales> FindScales(
        string directory, ShardSet shards, IReporter reporter)
    {
        var config = Path.Combine(directory, "config.json");
        var declared = Declaration.Read(config);
        RefuseUnreadable(directory, shards, declared);
        var found = new Dictionary<string, StoredScales>();
        foreach (var matrix in shards.Tensors.Values.Where(tensor => tensor.Dtype.IsFloat8))
        {
            string[] names = [$"{matrix.Name}_scale_inv", $"{matrix.Name}_scale"];
            if (names.FirstOrDefault(shards.Tensors.ContainsKey) is not { } name) continue;
            var stored = shards.Tensors[name];
            var scales = stored.Dtype.IsFloatingPoint || stored.Dtype.IsFloat8
                ? BlockScales.Of(shards.FileOf(matrix.Name).Path, matrix, shards.FileOf(name), stored, declared?.Block)
                : null;
            found[matrix.Name] = new(scales ?? throw new InvalidInputException(
                $"{shards.FileOf(name).Path}: tensor {name}",
                $"scales of blocks of {matrix.Name} {TensorShape.Describe(matrix.Shape)}",
                $"{stored.Dtype.SafetensorsName} {TensorShape.Describe(stored.Shape)}",
                $"Bam cannot tell the blocks; {UseTheFloatModel}"), name);
        }

        if (declared is not null && !shards.Tensors.Values.Any(tensor => tensor.Dtype.IsFloat8))
            reporter.Warn(
                $"{config}: {declared.Key} is not applied: the weights are not quantised and are read as they are stored");
        if (shards.Tensors.Keys.FirstOrDefault(IsOfActivations) is { } activations && found.Count > 0)
            reporter.Warn($"{directory}: {activations} and its like are not used: Bam does not quantise activations");
        return found;
    }

    /// <summary>Whether a tensor holds scales that weights do not need.</summary>
    public static bool IsOfActivations(string name) =>
        Array.Exists(OfActivations, end => name.EndsWith(end, StringComparison.Ordinal));

    /// <summary>The fault of a parameter and others like it: integers with scales, or float8 without them.</summary>
    public static InvalidInputException NotReadable(TensorInfo tensor, int others, ShardSet shards)
    {
        var where = $"{shards.FileOf(tensor.Name).Path}: tensor {TensorNames.WithMore(tensor.Name, others)}";
        if (tensor.Dtype.IsFloat8)
        {
            return new(
                where, $"its scales beside it ({tensor.Name}_scale_inv or {tensor.Name}_scale)",
                $"{tensor.Dtype.SafetensorsName} without",
                $"a quantised copy is wrong without its scales; {UseTheFloatModel}, or save it with them");
        }

        return shards.Tensors.Keys.FirstOrDefault(IsScale) is { } scales
            ? new(
                where, "floating-point weights, or float8 with scales", $"{tensor.Dtype.SafetensorsName} with {scales}",
                $"Bam does not read this quantised form; {UseTheFloatModel}")
            : new(
                $"{where}: dtype", "a floating-point dtype", tensor.Dtype.SafetensorsName,
                "is it a weight? store it as floating-point");

        bool IsScale(string name) => name.StartsWith($"{tensor.Name}_scale", StringComparison.Ordinal);
    }

    /// <summary>The fault of scales beside weights that are floating-point; null for other tensors.</summary>
    public static InvalidInputException? LeftScales(string name, ShardSet shards)
    {
        string[] ends = ["_scale_inv", "_scale"];
        if (ends.FirstOrDefault(end => name.EndsWith(end, StringComparison.Ordinal)) is not { } ending
            || !shards.Tensors.TryGetValue(name[..^ending.Length], out var weight))
            return null;
        var count = shards.Tensors.Keys.Count(other => other.EndsWith(ending, StringComparison.Ordinal));
        return new(
            $"{shards.FileOf(name).Path}: tensor {name}", $"no scales beside weights in {weight.Dtype.TorchName}",
            $"{(count == 1 ? "those" : $"{count} tensors")} of a quantised copy",
            "whether the weights were multiplied by them cannot be told; make the float copy again, without them");
    }

    private static void RefuseUnreadable(string directory, ShardSet shards, Declaration? declared)
    {
        var unusual = shards.Tensors.Keys.Where(name => !name.EndsWith(".weight", StringComparison.Ordinal)).ToList();
        foreach (var (mark, form) in Unreadable)
        {
            var marked = unusual.FindAll(name => name.Contains(mark, StringComparison.Ordinal));
            if (marked is not [var tensor, ..]) continue;
            var way = form.StartsWith("bitsandbytes", StringComparison.Ordinal)
                ? $"{UseTheFloatModel}, or a float copy: python3 -c \"from transformers import AutoModelForCausalLM as M; "
                    + $"M.from_pretrained('{directory}').dequantize().save_pretrained('{directory}-float')\""
                : $"{UseTheFloatModel}, or a copy that the tool which made it dequantised";
            throw new InvalidInputException(
                $"{shards.FileOf(tensor).Path}: tensor {TensorNames.WithMore(tensor, marked.Count - 1)}",
                "floating-point weights, or float8 with scales",
                $"weights quantised by {(declared?.Method is { } method ? $"{method} ({form})" : form)}",
                $"Bam does not read these; {way}");
        }
    }

    /// <summary>What <c>config.json</c> says of it.</summary>
    /// <param name="Key">The key there.</param>
    /// <param name="Method"><c>quant_method</c>; null where none is given.</param>
    /// <param name="Block"><c>weight_block_size</c>; null where none is given.</param>
    private sealed record Declaration(string Key, string? Method, (long Rows, long Columns)? Block)
    {
        /// <summary>Null where the file is absent, damaged or declares none; its reader reports the damage.</summary>
        public static Declaration? Read(string config)
        {
            if (!File.Exists(config)) return null;
            try
            {
                return JsonInput.ReadObject(
                    InputFile.ReadAllBytes(config, "it was there a moment ago"), config, "copy it again", Of);
            }
            catch (InvalidInputException)
            {
                return null;
            }
        }

        private static Declaration? Of(JsonElement root)
        {
            foreach (var key in (string[])["quantization_config", "compression_config"])
            {
                if (!root.TryGetProperty(key, out var settings) || settings.ValueKind != JsonValueKind.Object) continue;
                var method = settings.TryGetProperty("quant_method", out var name) && name.ValueKind == JsonValueKind.String
                    ? name.GetString()
                    : null;
                return new(key, method, BlockOf(settings));
            }

            return null;
        }

        private static (long, long)? BlockOf(JsonElement settings) =>
            settings.TryGetProperty("weight_block_size", out var size) && size.ValueKind == JsonValueKind.Array
                && size.GetArrayLength() == 2
            && IsPositive(size[0], out var rows) && IsPositive(size[1], out var columns) ? (rows, columns) : null;

        private static bool IsPositive(JsonElement element, out long number)
        {
            number = 0;
            return element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out number)
                && number is > 0 and <= int.MaxValue;
        }
    }
}

/// <summary>The scales of a float8 tensor, and the name under which they are stored.</summary>
internal sealed record StoredScales(BlockScales Scales, string Name);
