using System.Globalization;
using Bam.Configuration;

namespace Bam.Checkpoints;

/// <summary>
/// Rotary embedding in <c>config.json</c>: an object <c>rope_parameters</c> (transformers 5) or <c>rope_scaling</c> (before), and
/// <c>rope_theta</c> and <c>partial_rotary_factor</c> in it or beside it. Where places contradict each other, the one that
/// transformers takes counts, with a warning.
/// </summary>
internal static class RotaryFields
{
    public const string QueryBeta = "llama_4_scaling_beta";

    private const string Newer = "rope_parameters", Older = "rope_scaling";

    private const string Theta = "rope_theta", Factor = "partial_rotary_factor";

    private const string OriginalLength = "original_max_position_embeddings", AttentionFactor = "attention_factor";

    private const string LayerTypes = "layer_types";

    private const string Types = "\"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\" or \"longrope\"";

    private const string Full = "full_attention", Sliding = "sliding_attention", LocalTheta = "rope_local_base_freq";

    /// <summary>Keys of some type of scaling; files may also contain them with other types.</summary>
    private static readonly string[] OtherKinds =
    [
        "factor", "low_freq_factor", "high_freq_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate",
        "short_factor", "long_factor", "short_mscale", "long_mscale", "mrope_section",
    ];

    /// <summary>A configuration with the rotary settings of its file.</summary>
    /// <param name="config">Everything else.</param>
    /// <param name="fields">The file.</param>
    /// <param name="theta">The family's base, where the file has none.</param>
    /// <param name="rotaryFactor">The rotated part of a head, where the file has none.</param>
    /// <param name="isPartial">Whether the family can rotate a part of each head.</param>
    /// <param name="thetaKey">The key of the base in older files.</param>
    /// <param name="factorKey">The key of the rotated part in older files.</param>
    /// <param name="originalLength">The family's longest input before scaling, where the file has none.</param>
    /// <param name="longropeNames">What the family's files call LongRoPE beside "longrope".</param>
    /// <param name="hasQueryFactor">Whether the family multiplies queries by a factor that grows with their position.</param>
    public static ModelConfig WithRotary(
        this ModelConfig config, JsonFields fields, double theta = 10_000, double rotaryFactor = 1, bool isPartial = false,
        string thetaKey = Theta, string factorKey = Factor, int? originalLength = null,
        IReadOnlyList<string>? longropeNames = null, bool hasQueryFactor = false)
    {
        var context = new RotaryContext(
            fields.OptionalInt(OriginalLength) ?? originalLength, longropeNames ?? [], hasQueryFactor);
        var (newer, older) = (Read(fields, Newer, config, context), Read(fields, Older, config, context));
        var inner = older ?? newer;  // the older object stands for the newer, as a whole
        var outer = (Theta: fields.OptionalNumber(thetaKey), Factor: fields.OptionalNumber(factorKey));
        var (takenTheta, takenFactor) = (inner?.Theta ?? outer.Theta ?? theta, inner?.Factor ?? outer.Factor ?? rotaryFactor);
        var taken = new Settings(inner?.Scaling, takenTheta, takenFactor);

        if (older is not null && newer is not null && newer.Contradicts(taken))
            fields.Warn(Older, $"contradicts {Newer}; {Older} is taken, as transformers does: {taken.Describe()}");
        WarnOfOther(fields, thetaKey, outer.Theta, takenTheta);
        WarnOfOther(fields, factorKey, outer.Factor, takenFactor);
        if (thetaKey != Theta) WarnOfOther(fields, Theta, fields.OptionalNumber(Theta), takenTheta);
        if (factorKey != Factor) WarnOfOther(fields, Factor, fields.OptionalNumber(Factor), takenFactor);
        if (!isPartial && takenFactor != 1)
            fields.Refuse(Factor, "1 or no such key", takenFactor.ToText(), "this family rotates whole heads");
        return config with
        {
            RopeTheta = takenTheta, PartialRotaryFactor = isPartial ? takenFactor : 1, RopeScaling = taken.Scaling,
        };
    }

    /// <summary>
    /// A configuration with settings for each type of layer (Gemma 3): <c>rope_parameters</c> has an object for each; in older
    /// files <c>rope_scaling</c> is for the layers with full attention, and the others have <c>rope_local_base_freq</c>.
    /// </summary>
    /// <param name="config">Everything else.</param>
    /// <param name="fields">The file.</param>
    /// <param name="theta">The base of the layers with full attention, where the file has none.</param>
    /// <param name="localTheta">The base of the layers with a sliding window, where the file has none.</param>
    public static ModelConfig WithRotaryByLayerType(
        this ModelConfig config, JsonFields fields, double theta, double localTheta)
    {
        var context = new RotaryContext(fields.OptionalInt(OriginalLength), [], HasQueryFactor: false);
        var (newer, older) = (fields.Object(Newer), Read(fields, Older, config, context));
        var full = newer is null ? null : ReadObject(fields, Full, newer.Object(Full), config, context);
        var sliding = newer is null ? null : ReadObject(fields, Sliding, newer.Object(Sliding), config, context);
        // transformers 5 may leave these beside the two objects, where it does not read them.
        if (newer?.OptionalText("rope_type") is { } beside && beside != "default")
            fields.Refuse($"{Newer}: rope_type", "\"default\" beside the objects of the layers", Quoted(beside), "remove it");
        var unread = newer?.OptionalNumber(Theta);
        newer?.RefuseUnread();
        foreach (var (key, part) in new[] { ($"{Newer}: {Full}", full), ($"{Newer}: {Sliding}", sliding), (Older, older) })
        {
            if (part?.Factor is { } rotated and not 1)
                fields.Refuse($"{key}: {Factor}", "1 or no such key", rotated.ToText(), "this family rotates whole heads");
        }

        if (sliding?.Scaling is { } scaling)
            fields.Refuse(
                $"{Newer}: {Sliding}", "rope_type \"default\"", SnakeCase.Of(scaling.Type),
                "Bam scales the frequencies of layers with full attention alone");
        if (older?.Scaling is { } taken && full?.Scaling is { } other && taken != other)
            fields.Warn(Older, $"contradicts {Newer}; {Older} is taken, as transformers does");
        var takenTheta = full?.Theta ?? older?.Theta ?? fields.OptionalNumber(Theta) ?? theta;
        WarnOfOther(fields, $"{Newer}: {Theta}", unread, takenTheta);
        return config with
        {
            RopeTheta = takenTheta,
            RopeLocalBaseFreq = sliding?.Theta ?? fields.OptionalNumber(LocalTheta) ?? localTheta,
            RopeScaling = older?.Scaling ?? full?.Scaling,
        };
    }

    private static void WarnOfOther(JsonFields fields, string key, double? value, double taken)
    {
        if (value is { } other && other != taken)
        {
            fields.Warn(
                key, $"{other.ToText()} contradicts the other rotary settings; {taken.ToText()} is taken, as transformers does");
        }
    }

    /// <summary>The settings in one of the two objects; null where it is absent or empty.</summary>
    private static Settings? Read(JsonFields file, string key, ModelConfig config, RotaryContext context) =>
        file.Object(key) is { Unread.Count: > 0 } all
            ? ReadObject(file, key, ForAllLayers(file, key, all), config, context)
            : null;

    private static Settings? ReadObject(
        JsonFields file, string key, JsonFields? fields, ModelConfig config, RotaryContext context)
    {
        if (fields is null) return null;
        var (theta, factor) = (fields.OptionalNumber(Theta), fields.OptionalNumber(Factor));
        var settings = new Settings(ReadScaling(file, key, fields, config, context), theta, factor);
        fields.RefuseUnread();
        return settings;
    }

    /// <summary>The settings of all layers, also if the object has them by type of layer and there is only one type.</summary>
    private static JsonFields? ForAllLayers(JsonFields file, string key, JsonFields rope)
    {
        var types = rope.Unread.Where(rope.HasObject).ToList();
        if (types.Count == 0) return rope;
        var used = (file.PeekTexts(LayerTypes) ?? []).Distinct().ToList();
        if (used.Count == 0 && types.Count == 1) used = types;
        var one = used.Count == 1 && types.Contains(used[0]) ? rope.Object(used[0]) : null;
        if (one is null)
        {
            file.Refuse(
                key, "one object for all layers", $"objects for {string.Join(", ", types.Take(4))}",
                "this family has one rotary embedding for all layers");
        }
        rope.Skip([.. types]);
        rope.RefuseUnread();
        return one;
    }

    private static RopeScaling? ReadScaling(
        JsonFields file, string key, JsonFields fields, ModelConfig config, RotaryContext context)
    {
        var (type, olderType) = (fields.OptionalText("rope_type"), fields.OptionalText("type"));
        if (type is not null && olderType is not null && type != olderType)
            fields.Warn("type", $"{Quoted(olderType)} contradicts rope_type; {Quoted(type)} is taken, as transformers does");
        var kind = type ?? olderType;
        if (kind is not null && context.LongropeNames.Contains(kind)) kind = "longrope";
        RopeScaling? scaling = null;
        switch (kind)
        {
            case null when (fields.OptionalNumber("factor") ?? 1) != 1:
                fields.Refuse("rope_type", Types, "no such key", "add it");
                break;
            case null or "default":
                break;
            case "linear":
                scaling = new(RopeScalingType.Linear, fields.Number("factor"));
                break;
            case "dynamic":
                scaling = new(RopeScalingType.Dynamic, fields.Number("factor"));
                break;
            case "yarn":
                scaling = ReadYarn(fields, config, context);
                break;
            case "longrope":
                scaling = ReadLongrope(fields, config, context);
                break;
            case "llama3":
                scaling = new(RopeScalingType.Llama3, fields.Number("factor"))
                {
                    LowFreqFactor = fields.Number("low_freq_factor"),
                    HighFreqFactor = fields.Number("high_freq_factor"),
                    OriginalMaxPositionEmbeddings = LengthBefore(fields, config, context),
                };
                break;
            default:
                fields.Refuse(
                    type is null ? "type" : "rope_type", Types, Quoted(kind),
                    $"Bam does not compute this scaling; if the weights were trained without it, remove {key} and keep to the "
                    + "length of that training");
                fields.Skip([.. fields.Unread]);
                return null;
        }

        SkipWhatSaysNothing(file, key, fields, kind ?? "default");
        return scaling;
    }

    private static RopeScaling ReadYarn(JsonFields fields, ModelConfig config, RotaryContext context)
    {
        var original = LengthBefore(fields, config, context);
        var factor = fields.OptionalNumber("factor") ?? FactorOf(config, original);
        var (ofScores, ofAllDimensions) = (fields.Number("mscale", 0), fields.Number("mscale_all_dim", 0));
        var attention = ofScores != 0 && ofAllDimensions != 0
            ? RopeScaling.YarnAttentionFactor(factor, ofScores) / RopeScaling.YarnAttentionFactor(factor, ofAllDimensions)
            : RopeScaling.YarnAttentionFactor(factor);
        return new(RopeScalingType.Yarn, factor)
        {
            OriginalMaxPositionEmbeddings = original,
            BetaFast = fields.Number("beta_fast", 0) is not 0 and var fast ? fast : 32,
            BetaSlow = fields.Number("beta_slow", 0) is not 0 and var slow ? slow : 1,
            Truncate = fields.Flag("truncate", absent: true),
            AttentionFactor = fields.Number(AttentionFactor, attention),
            Llama4ScalingBeta = context.HasQueryFactor ? fields.Number(QueryBeta, 0) : 0,
        };
    }

    private static RopeScaling ReadLongrope(JsonFields fields, ModelConfig config, RotaryContext context)
    {
        var original = LengthBefore(fields, config, context);
        var factor = fields.OptionalNumber("factor") ?? FactorOf(config, original);
        return new(RopeScalingType.Longrope, factor)
        {
            OriginalMaxPositionEmbeddings = original,
            ShortFactor = fields.Numbers("short_factor"),
            LongFactor = fields.Numbers("long_factor"),
            AttentionFactor = fields.Number(AttentionFactor, RopeScaling.LongRopeAttentionFactor(factor, original)),
        };
    }

    private static double FactorOf(ModelConfig config, int original) =>
        (double)config.MaxPositionEmbeddings / Math.Max(1, original);

    private static int LengthBefore(JsonFields fields, ModelConfig config, RotaryContext context)
    {
        var inner = fields.OptionalInt(OriginalLength);
        if (context.Length is not null && inner is not null && context.Length != inner)
            fields.Warn(
                OriginalLength,
                $"{inner} contradicts the key of that name beside it; {context.Length} is taken, as transformers does");
        if ((context.Length ?? inner) is { } length) return length;
        fields.Warn(
            OriginalLength,
            $"no such key; max_position_embeddings = {config.MaxPositionEmbeddings} is taken, as transformers does");
        return config.MaxPositionEmbeddings;
    }

    private static void SkipWhatSaysNothing(JsonFields file, string key, JsonFields fields, string kind)
    {
        fields.Skip(OriginalLength);
        if (fields.OptionalNumber(AttentionFactor) is { } attention && attention != 1)
            fields.Refuse(
                AttentionFactor, "1, null or no such key", attention.ToText(),
                $"it has no meaning with rope_type \"{kind}\"; remove it");
        var ignored = fields.Skip(OtherKinds);
        if (ignored.Count > 0)
            file.Warn(key, $"{string.Join(", ", ignored)} of another rope_type than \"{kind}\": ignored, as transformers does");
    }

    /// <summary>What the reading of an object of rotary settings depends on in its file and family.</summary>
    /// <param name="Length">The longest input before scaling that stands beside the object; null for none.</param>
    /// <param name="LongropeNames">What the family calls LongRoPE beside "longrope".</param>
    /// <param name="HasQueryFactor">Whether the family has <see cref="RopeScaling.Llama4ScalingBeta"/>.</param>
    private sealed record RotaryContext(int? Length, IReadOnlyList<string> LongropeNames, bool HasQueryFactor);

    private static string Quoted(string text) => HuggingFaceFields.Quoted(text);

    private sealed record Settings(RopeScaling? Scaling, double? Theta, double? Factor)
    {
        /// <summary>Whether another place contradicts the settings that are taken.</summary>
        public bool Contradicts(Settings taken) =>
            Scaling != taken.Scaling || (Theta is not null && Theta != taken.Theta)
                || (Factor is not null && Factor != taken.Factor);

        public string Describe() =>
            Scaling is null ? $"no scaling, rope_theta {Theta?.ToText()}"
            : $"{SnakeCase.Of(Scaling.Type)} by {Scaling.Factor.ToText()}, rope_theta {Theta?.ToText()}";
    }

    private static string ToText(this double value) => value.ToString(CultureInfo.InvariantCulture);
}
