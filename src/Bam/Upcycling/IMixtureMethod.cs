using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>A way to make one model of several.</summary>
internal interface IMixtureMethod
{
    /// <summary>Its name on the command line and in recipes.</summary>
    string Name { get; }

    /// <summary>What comes out, in one sentence without a full stop.</summary>
    string Description { get; }

    /// <summary>The first option that the method or the number of models does not allow; null without one.</summary>
    OptionFault? FindFault(MixtureOptions options);

    /// <summary>The output's configuration for that of a dense seed and options without a fault.</summary>
    ModelConfig Configure(ModelConfig seed, MixtureOptions options);

    /// <summary>How one tensor of the output is computed.</summary>
    TensorRecipe Recipe(ParameterInfo parameter, MixtureOptions options) =>
        TensorRecipe.OfMixture(parameter, options.Models.Count);
}

/// <summary>The table of methods.</summary>
internal static class MixtureMethods
{
    public static readonly IReadOnlyList<IMixtureMethod> All =
    [
        new BamMethod(), new BtxMethod(), new SoupMethod(), new SparseMethod(),
    ];

    /// <summary>The method of that name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IMixtureMethod Named(string name)
    {
        if (All.FirstOrDefault(method => method.Name == name) is { } method) return method;
        throw new InvalidInputException(
            "method", string.Join(", ", All.Select(known => known.Name)), name, "choose one of these");
    }

    /// <summary>The configuration of a mixture.</summary>
    /// <exception cref="InvalidInputException">The method does not allow an option.</exception>
    public static ModelConfig Configure(IMixtureMethod method, ModelConfig seed, MixtureOptions options) =>
        method.FindFault(options) is { } fault ? throw fault.Exception : method.Configure(seed, options);
}
