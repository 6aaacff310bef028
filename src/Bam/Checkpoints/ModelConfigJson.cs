using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bam.Configuration;

namespace Bam.Checkpoints;

/// <summary><see cref="ModelConfig"/> as JSON, by the keys that its properties declare.</summary>
internal static class ModelConfigJson
{
    /// <summary>The value of <c>model_type</c>.</summary>
    public const string ModelType = "bam";

    /// <summary>The keys in the order of the file, without <c>model_type</c> and <c>architectures</c>.</summary>
    public static readonly IReadOnlyList<ConfigKey> Keys = ConfigKey.Of(typeof(ModelConfig));

    private static readonly object Defaults = ConfigKey.Create(typeof(ModelConfig));

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads all fields but <c>model_type</c>, and <c>pad_token_id</c>, which every family has.</summary>
    public static ModelConfig Read(JsonFields fields)
    {
        var config = (ModelConfig)ConfigKey.Create(typeof(ModelConfig));
        foreach (var key in Keys)
        {
            switch (key.Property.Name)
            {
                case nameof(ModelConfig.PadTokenId):
                case nameof(ModelConfig.RopeTheta) or nameof(ModelConfig.RopeScaling) or nameof(ModelConfig.PartialRotaryFactor):
                    break;  // WithRotary reads these three together
                case nameof(ModelConfig.LayerTypes):
                    break;  // read with the window
                case nameof(ModelConfig.TorchDtype):
                    key.Set(config, fields.Dtype());
                    break;
                default:
                    key.Set(config, fields.Value(key, key.Get(Defaults)));
                    break;
            }
        }

        return config.WithLayerTypes(fields, config.SlidingWindow, _ => true)
            .WithRotary(fields, config.RopeTheta, config.PartialRotaryFactor, isPartial: true, hasQueryFactor: true);
    }

    public static string Write(ModelConfig config)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("model_type", ModelType);
            json.WriteStartArray("architectures");
            json.WriteStringValue("BamForCausalLM");
            json.WriteEndArray();
            foreach (var key in Keys)
            {
                var value = key.Get(config);
                if (key.Attribute.OmitDefault && Equals(value, key.Get(Defaults))) continue;
                json.WritePropertyName(key.Name);
                if (key.Property.Name == nameof(ModelConfig.EosTokenIds)) WriteIds(json, config.EosTokenIds);
                else WriteValue(json, value);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case double number:
                json.WriteNumberValue(number);
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            case Enum choice:
                json.WriteStringValue(SnakeCase.Of(choice));
                break;
            case ValueList<LayerType> types:
                json.WriteStartArray();
                foreach (var type in types) json.WriteStringValue(SnakeCase.Of(type));
                json.WriteEndArray();
                break;
            case ValueList<int> numbers:
                json.WriteStartArray();
                foreach (var number in numbers) json.WriteNumberValue(number);
                json.WriteEndArray();
                break;
            case ValueList<double> numbers:
                json.WriteStartArray();
                foreach (var number in numbers) json.WriteNumberValue(number);
                json.WriteEndArray();
                break;
            case RopeScaling scaling:
                WriteScaling(json, scaling);
                break;
            default:
                throw new InvalidOperationException($"config.json has no form for {value.GetType().Name}");
        }
    }

    // As Hugging Face has it: null, one id, or a list of them.
    private static void WriteIds(Utf8JsonWriter json, ValueList<int> ids)
    {
        if (ids.Count < 2)
        {
            WriteValue(json, ids.First);
            return;
        }

        json.WriteStartArray();
        foreach (var id in ids) json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    private static void WriteScaling(Utf8JsonWriter json, RopeScaling scaling)
    {
        json.WriteStartObject();
        json.WriteString("rope_type", SnakeCase.Of(scaling.Type));
        json.WriteNumber("factor", scaling.Factor);
        if (scaling.OriginalMaxPositionEmbeddings > 0)
            json.WriteNumber("original_max_position_embeddings", scaling.OriginalMaxPositionEmbeddings);
        switch (scaling.Type)
        {
            case RopeScalingType.Llama3:
                json.WriteNumber("low_freq_factor", scaling.LowFreqFactor);
                json.WriteNumber("high_freq_factor", scaling.HighFreqFactor);
                break;
            case RopeScalingType.Yarn:
                json.WriteNumber("beta_fast", scaling.BetaFast);
                json.WriteNumber("beta_slow", scaling.BetaSlow);
                json.WriteBoolean("truncate", scaling.Truncate);
                json.WriteNumber("attention_factor", scaling.AttentionFactor);
                if (scaling.Llama4ScalingBeta != 0) json.WriteNumber(RotaryFields.QueryBeta, scaling.Llama4ScalingBeta);
                break;
            case RopeScalingType.Longrope:
                WriteNumbers("short_factor", scaling.ShortFactor);
                WriteNumbers("long_factor", scaling.LongFactor);
                json.WriteNumber("attention_factor", scaling.AttentionFactor);
                break;
        }

        json.WriteEndObject();

        void WriteNumbers(string name, ValueList<double> numbers)
        {
            json.WritePropertyName(name);
            WriteValue(json, numbers);
        }
    }
}
