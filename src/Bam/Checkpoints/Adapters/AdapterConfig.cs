using System.Globalization;
using System.Text.RegularExpressions;
using Bam.Files;

namespace Bam.Checkpoints.Adapters;

/// <summary>
/// <c>adapter_config.json</c> of a LoRA adapter (arXiv 2106.09685) as PEFT 0.20 writes it: what its tensors mean. Which modules
/// are adapted follows from the tensors.
/// </summary>
internal sealed class AdapterConfig
{
    public const string FileName = "adapter_config.json";

    /// <summary>Keys that concern only training, or repeat what follows from the tensors.</summary>
    private static readonly string[] Informative =
    [
        "alora_invocation_string", "auto_mapping", "corda_config", "eva_config", "exclude_modules", "inference_mode",
        "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_bias", "lora_dropout",
        "lora_ga_config", "loftq_config", "megatron_core", "modules_to_save", "modules_to_tie", "peft_version",
        "qalora_group_size", "revision", "runtime_config", "target_modules", "target_modules_to_tie", "task_type",

        // Every family stores linear layers as [out, in]; PEFT switches this key off for them.
        "fan_in_fan_out",
    ];

    /// <summary>Features that no change of the base's matrices can express, or that Bam does not read.</summary>
    private static readonly (string Key, string Why)[] Unsupported =
    [
        ("alora_invocation_tokens", "an activated LoRA changes only some tokens, and no weights can express it"),
        ("arrow_config", "its routing depends on the token, and no weights can express it"),
        ("layer_replication", "it repeats layers of the base; merge it with peft"),
        ("megatron_config", "Bam does not read Megatron's layers; merge it with peft"),
        ("monteclora_config", "Bam does not read this variant; merge it with peft"),
        ("target_parameters", "Bam folds adapters of modules alone; merge it with peft"),
        ("trainable_token_indices", "Bam does not read rows of single tokens; merge it with peft"),
        ("use_bdlora", "Bam does not read block-diagonal adapters; merge it with peft"),
        ("use_qalora", "Bam does not read QALoRA; merge it with peft"),
        ("velora_config", "Bam does not read this variant; merge it with peft"),
    ];

    /// <summary>Initialisations that change the base's weights.</summary>
    private static readonly string[] ChangingTheBase = ["pissa", "olora", "corda", "loftq", "lora_ga"];

    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(1);

    private readonly string path;
    private readonly int rank;
    private readonly double alpha;
    private readonly bool isRankStabilised;
    private readonly IReadOnlyList<(Regex Module, double Value)> ranks;
    private readonly IReadOnlyList<(Regex Module, double Value)> alphas;

    private AdapterConfig(JsonFields fields, string path)
    {
        this.path = path;
        if (fields.Text("peft_type") is not "LORA" and var type)
            throw fields.Fault(
                "peft_type", "\"LORA\"", HuggingFaceFields.Quoted(type), "Bam folds LoRA and DoRA; merge it with peft");
        foreach (var (key, why) in Unsupported)
        {
            if (fields.ActiveValue(key) is { } value) throw fields.Fault(key, "no such key", ShortText.Of(value), why);
        }

        rank = fields.Int("r");
        alpha = fields.Number("lora_alpha");
        isRankStabilised = fields.Flag("use_rslora", absent: false);
        IsDora = fields.Flag("use_dora", absent: false);
        TiesWeights = fields.Flag("ensure_weight_tying", absent: false);
        BaseName = fields.OptionalText("base_model_name_or_path");
        ranks = Patterns(fields, "rank_pattern");
        alphas = Patterns(fields, "alpha_pattern");
        if (fields.Text("bias", "none") is not ("none" or "all" or "lora_only") and var bias)
            throw fields.Fault("bias", "\"none\", \"all\" or \"lora_only\"", HuggingFaceFields.Quoted(bias), "correct it");
        Initialisation = fields.ActiveValue("init_lora_weights") ?? "";
        fields.Skip(Informative);
        fields.RefuseUnread(new Dictionary<string, string>());
        Warnings = ChangesTheBase
            ? [
                $"{path}: init_lora_weights is {Initialisation}, which takes a part out of the base's weights: the adapter fits "
                + "only the base that was saved with it, unless it was converted for the original one",
                .. fields.Warnings,
            ]
            : fields.Warnings;
    }

    /// <summary>The name of the model that the adapter was trained on; null if the file has none.</summary>
    public string? BaseName { get; }

    /// <summary>Whether magnitudes and directions are trained separately (DoRA, arXiv 2402.09353).</summary>
    public bool IsDora { get; }

    /// <summary>Whether a tied head stays tied if the adapter changes it or the embedding matrix.</summary>
    public bool TiesWeights { get; }

    public IReadOnlyList<string> Warnings { get; }

    private string Initialisation { get; }

    private bool ChangesTheBase =>
        Array.Exists(ChangingTheBase, name => Initialisation.Contains(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads the file of an adapter.</summary>
    /// <exception cref="InvalidInputException">It is no LoRA adapter, or has a setting that Bam does not support.</exception>
    public static AdapterConfig Read(string path) =>
        new(new JsonFields(InputFile.ReadAllText(path, "it was there a moment ago"), path), path);

    /// <summary>The rank of a module by its name in the base.</summary>
    /// <exception cref="InvalidInputException">It is not positive, or a pattern cannot be matched.</exception>
    public int RankOf(string module)
    {
        var value = ValueOf(ranks, module, rank);
        return value >= 1 && value <= int.MaxValue && Math.Floor(value) == value
            ? (int)value
            : throw new InvalidInputException($"{path}: r", $"a positive integer for {module}", $"{value}", "correct it");
    }

    /// <summary>The factor of B·A: alpha / r, or alpha / √r if rank-stabilised (arXiv 2312.03732).</summary>
    public float ScaleOf(string module)
    {
        var (top, bottom) = (ValueOf(alphas, module, alpha), RankOf(module));
        var scale = (float)(top / (isRankStabilised ? Math.Sqrt(bottom) : bottom));
        return float.IsFinite(scale)
            ? scale
            : throw new InvalidInputException(
                $"{path}: lora_alpha", $"a factor in the range of float32 for {module}",
                top.ToString(CultureInfo.InvariantCulture), "correct it");
    }

    // The first matching pattern in the file's order wins. A pattern matches whole names, or their ends after a dot.
    private double ValueOf(IReadOnlyList<(Regex Module, double Value)> patterns, string module, double otherwise)
    {
        foreach (var (pattern, value) in patterns)
        {
            try
            {
                if (pattern.IsMatch(module)) return value;
            }
            catch (RegexMatchTimeoutException e)
            {
                throw new InvalidInputException($"{path}: {pattern} takes too long on {module}; simplify the pattern", e);
            }
        }

        return otherwise;
    }

    private static List<(Regex Module, double Value)> Patterns(JsonFields fields, string key)
    {
        var found = new List<(Regex, double)>();
        if (fields.Object(key) is not { } patterns) return found;
        foreach (var pattern in patterns.Unread.ToArray())
        {
            try
            {
                found.Add((
                    new Regex($@"^(.*\.)?({pattern})$", RegexOptions.CultureInvariant, LongestMatch), patterns.Number(pattern)));
            }
            catch (ArgumentException)
            {
                throw fields.Fault(key, "regular expressions", HuggingFaceFields.Quoted(pattern), "correct it");
            }
        }

        return found;
    }
}
