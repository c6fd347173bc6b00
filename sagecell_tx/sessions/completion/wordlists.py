"""Completion words for languages that no kernel completes, spelled as in their manuals."""

from __future__ import annotations

import re

_WORDS = {
    "gap": """
        AbelianGroup AlternatingGroup AsList Binomial Center CharacterTable ConjugacyClasses
        CyclicGroup DerivedSubgroup DihedralGroup Display Elements Factorial Factors Factorization
        Filtered First ForAll ForAny FreeGroup GF Gcd Group Identity Image Indeterminate Inverse
        Irr IsAbelian IsCyclic IsNormal IsPrime IsSimple IsSolvable Iterator Kernel Lcm Length List
        Maximum Minimum NormalSubgroups NumberSmallGroups Order PolynomialRing Position Print
        Product Random Rank Size SmallGroup StructureDescription Subgroup Sum SylowSubgroup
        SymmetricGroup Z break continue do elif else end fi for function if in local mod not od
        or and rec repeat return then until while true false
    """,
    "gp": """
        abs bestappr bezout binomial bnfinit charpoly content contfrac denominator divisors
        ellap ellinit ellorder eulerphi factor factorial factorint ffgen fordiv forprime forstep
        forvec gcd intnum isprime issquare kronecker lcm lindep listput matdet matid matker
        matrank matsize matsnf mattranspose modreverse moebius nextprime nfinit numerator
        numdiv partitions polcoef polcyclo poldegree poldisc polgalois polroots polroots
        precprime primepi primes print prod qfbclassno random serreverse sigma solve sqrtint
        subst sum valuation vecmax vecmin vecsort vector while zeta znorder znprimroot if for
        until break next return my local
    """,
    "macaulay2": """
        apply ascii betti coker codim coefficient degree degrees det diff dim dual Ext
        factor flatten gb gcd genera gens genus hilbertPolynomial hilbertSeries Hom ideal image
        intersect isHomogeneous isPrime isSubset jacobian ker leadTerm length lcm map matrix
        minimalPrimes minors module monomialIdeal mingens numgens pdim poincare prepend presentation
        primaryDecomposition promote prune QQ quotient radical random rank reduceHilbert
        regularity resolution res ring saturate select source substitute submatrix syz target
        tensor Tor trace transpose variety vars ZZ RR CC for while if then else do list when return
    """,
    "maxima": """
        abs acos allroots append apply asin assume atan atan2 bfloat binomial block charpoly coeff
        collectterms cos cosh create_list cot declare define denom depends desolve determinant
        diff divide display do eigenvalues eigenvectors else elseif erf exp expand expandall factor
        factorial find_root first float for fourier from gamma gcd ident ilt imagpart integrate
        invert is kill lambda laplace last length lhs limit linsolve listify log makelist map matrix
        max min mod nroots num numer ode2 partfrac plot2d plot3d polarform powerseries print
        product quotient rank ratsimp ratsubst realpart rest return reverse rhs rombergsum sin sinh
        solve sort sqrt subst sum tan tanh taylor then to_poly_solve transpose trigexpand
        trigreduce trigsimp unless while
    """,
    "octave": """
        abs all any axis bar break case ceil cell cellfun chol columns complex cond contour cos cross
        cumprod cumsum deal det diag diff disp display do dot eig else elseif end endfor endfunction
        endif endwhile exp eye factor false fclose fft figure filter find fix floor fminsearch
        for fprintf function fzero gamma gcd global grid hist hold if imag inv isempty isprime
        legend length linspace log log10 logical logspace lsode lu magic max mean median mesh
        meshgrid min mod norm null num2str numel ones orth otherwise pinv plot plot3 poly polyfit
        polyval primes printf prod qr quad rand randi randn rank real rem repmat reshape return
        roots round rows sign sin size sort sprintf sqrt std strcat strsplit struct sum surf svd
        switch tan tic title toc trace trapz true unique until unwind_protect var while xlabel
        ylabel zeros
    """,
    "r": """
        abs aggregate all anova any aov apply array as.character as.factor as.numeric barplot
        boxplot break c cat cbind ceiling chisq.test choose class coef colMeans colnames colSums
        complete.cases confint cor cumsum curve cut data.frame dbinom density det diag diff dim
        dnorm do.call duplicated else exp factor FALSE floor for format function glm grepl gsub head
        hist if ifelse in install.packages integrate invisible is.na lapply length levels library
        lines list lm log lower.tri mapply matrix max mean median merge min names ncol next nchar
        nrow NULL numeric optim optimize order outer par paste paste0 pbinom plot pnorm points
        predict print prod qnorm quantile range rank rbind rbinom Recall rep repeat residuals return
        rev rnorm round row.names rownames rowSums runif sample sapply sd seq seq_along seq_len
        setdiff solve sort split sprintf sqrt str strsplit sub subset substr sum summary switch
        t t.test table tail tapply tolower toupper TRUE unique unlist var which while
    """,
    "singular": """
        betti char charstr coef coeffs contract cleardenom def degree deg det diff dim division
        eliminate execute export facstd factorize fglm find finduni freemodule gcd groebner hilb
        highcorner homog ideal if else for while imap int intersect intmat intvec jacob
        jet kbase kernel koszul lead leadcoef leadexp leadmonom LIB lift liftstd link list map
        matrix maxideal minbase minor minres modulo module monomial mres mult mstd nameof ncols
        npars nres nrows number nvars ord par pardeg parstr poly preimage prime print proc prune
        qhweight qring quote quotient random rank reduce regularity res reservedName resolution
        resultant return ring rvar setring simplify size slimgb sort sres std string subst syz
        trace transpose typeof var varstr vdim vector wedge weight
    """,
}

_LANGUAGES = {name: sorted(set(words.split())) for name, words in _WORDS.items()}

_WORD = re.compile(r"[A-Za-z_][\w.]*\Z")


def completion(mode: str, before: str) -> tuple[int, list[str]]:
    """Complete the word at the end of `before`: its offset, and the words that begin with it.

    For an unknown `mode`, or when `before` does not end in a word, there are none.
    """
    found = _WORD.search(before[-256:])
    if found is None:
        return len(before), []
    matches = [word for word in _LANGUAGES.get(mode, ()) if word.startswith(found[0])]
    return len(before) - len(found[0]), matches
