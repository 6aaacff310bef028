using System.Globalization;
using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>How data × experts ranks share a training; each is one device.</summary>
/// <param name="Data">D: each of D groups takes B/D of a step's sequences.</param>
/// <param name="Experts">
/// E, the ranks of a group, which all see the group's sequences: each has N/E attention experts and M/E feed-forward experts, and
/// everything else as a whole.
/// </param>
internal sealed record Layout(int Data, int Experts)
{
    private const string DataKey = "data", ExpertsKey = "experts";

    public int Devices => Data * Experts;

    /// <summary>Reads "data=16,experts=4"; an omitted key is 1.</summary>
    /// <exception cref="InvalidInputException">The text is no such list; <paramref name="option"/> is named.</exception>
    public static Layout Parse(string option, string text)
    {
        var sizes = new Dictionary<string, int>();
        foreach (var part in text.Split(','))
        {
            if (part.Split('=') is not [DataKey or ExpertsKey, var number] || sizes.ContainsKey(part.Split('=')[0])
                || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var size) || size < 1)
            {
                throw new InvalidInputException(option, "ranks such as data=16,experts=4", $"'{text}'", "correct it");
            }

            sizes[part.Split('=')[0]] = size;
        }

        var (data, experts) = (sizes.GetValueOrDefault(DataKey, 1), sizes.GetValueOrDefault(ExpertsKey, 1));
        return (long)data * experts <= int.MaxValue
            ? new(data, experts)
            : throw new InvalidInputException(option, $"at most {int.MaxValue} ranks", text, "choose fewer");
    }

    /// <summary>Every layout of that many devices, fewest expert ranks first.</summary>
    public static IEnumerable<Layout> All(int devices) =>
        Divisors.Of(devices).Select(experts => new Layout(devices / experts, experts));

    /// <summary>Why a model with that many sequences a step cannot be trained so; null if it can.</summary>
    public string? Refusal(ModelConfig config, int sequences)
    {
        if (sequences % Data != 0) return $"{sequences} sequences cannot be divided by data={Data}";
        if (Experts == 1) return null;
        if (!config.IsMixture) return "a dense model has no experts to share";
        foreach (var (count, name) in new[]
        {
            (config.NumAttentionExperts, "attention"), (config.NumLocalExperts, "feed-forward"),
        })
        {
            if (count > 1 && count % Experts != 0) return $"{count} {name} experts cannot be divided by experts={Experts}";
        }

        return null;
    }

    public override string ToString() => $"{DataKey}={Data},{ExpertsKey}={Experts}";
}
