using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>A way to make one model of several.</summary>
internal interface IMixtureMethod
{
    /// <summary>Its name on the command line and in recipes.</summary>
    string Name { get; }

    /// <summary>What comes out, in one sentence without a full stop.</summary>
    string Description { get; }

    /// <summary>The output's configuration.</summary>
    /// <param name="seed">The seed's, a dense model's.</param>
    /// <param name="options">What the user asks.</param>
    /// <exception cref="InvalidInputException">The method cannot honour an option.</exception>
    ModelConfig Configure(ModelConfig seed, MixtureOptions options);

    /// <summary>How one tensor of the output comes about.</summary>
    /// <param name="parameter">A parameter of the output.</param>
    /// <param name="options">The models, and what the user asks.</param>
    TensorRecipe Recipe(ParameterInfo parameter, MixtureOptions options) => TensorRecipe.OfMixture(parameter, options.Models.Count);
}
